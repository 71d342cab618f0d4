"""Signing in and out, one's own password, and what the log keeps of it."""

import logging

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client

from apps.accounts.rights import Role
from apps.audit.models import AuditEntry
from tests.support.accounts import add_user, desk_of
from tests.support.panel import audit
from tests.support.signing_in import PASSWORD, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> User:
    return add_user(Role.OPERATOR, "ann", PASSWORD)


def test_who_signs_in_gets_to_the_page_that_they_wanted(ann: User, client: Client) -> None:
    wanted = client.get("/peers/peer/", follow=True)
    assert wanted.redirect_chain[-1][0] == "/account/login/?next=/peers/peer/"
    assert 'name="next" value="/peers/peer/"' in wanted.content.decode()
    assert sign_in(client, "ann", next="/peers/peer/")["Location"] == "/peers/peer/"
    assert client.get("/peers/peer/").status_code == 200
    row = AuditEntry.objects.get()
    assert (row.actor_name, row.action, row.after) == (
        "ann",
        "user.signed_in",
        {"address": "127.0.0.1", "by": ["password"]},
    )


@pytest.mark.parametrize("away", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_nobody_is_led_away(ann: User, client: Client, away: str) -> None:
    assert sign_in(client, "ann", next=away)["Location"] == "/"


@pytest.mark.parametrize(("name", "password"), [("ann", "wrong"), ("nobody", PASSWORD), ("ANN", PASSWORD), ("", "")])
def test_wrong_names_and_passwords_are_one_answer(ann: User, client: Client, name: str, password: str) -> None:
    page = sign_in(client, name, password)
    assert page.status_code == 200
    assert "_auth_user_id" not in client.session
    assert audit() == []


def test_a_disabled_user_does_not_get_in(ann: User, client: Client) -> None:
    User.objects.update(is_active=False)
    assert "_auth_user_id" not in client.session
    sign_in(client, "ann")
    assert client.get("/").status_code == 302


def test_a_failure_is_logged_without_what_was_typed(
    ann: User, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "apps.accounts"):
        sign_in(client, "ann", "hunter2hunter2")
        sign_in(client, "my-password-by-mistake", "hunter2hunter2")
    assert [record.getMessage() for record in caplog.records if record.name.startswith("apps.accounts")] == [
        "a sign-in failed: ann, from 127.0.0.1",
        "a sign-in failed: an unknown name, from 127.0.0.1",
    ]
    assert "hunter2" not in caplog.text


def test_signing_out_is_a_post_and_a_row(ann: User, client: Client) -> None:
    sign_in(client, "ann")
    assert client.get("/account/logout/").status_code == 200
    assert client.get("/").status_code == 200
    client.post("/account/logout/")
    assert client.get("/").status_code == 302
    assert audit() == [("ann", "user.signed_in", "ann"), ("ann", "user.signed_out", "ann")]


def test_ones_own_password_is_changed_with_the_old_one_and_ends_the_other_sessions(ann: User, client: Client) -> None:
    other = Client()
    for browser in (client, other):
        sign_in(browser, "ann")
    new = "a new horse battery"
    form = {"oldpassword": "wrong", "password1": new, "password2": new}
    assert client.post("/account/password/change/", form).status_code == 200
    assert client.post("/account/password/change/", form | {"oldpassword": PASSWORD}).status_code == 302
    assert [action for _, action, _ in audit()][2:] == ["user.changed"]
    assert client.get("/").status_code == 200
    assert other.get("/").status_code == 302
    assert client.get("/password_change/")["Location"] == "/account/password/change/"


@pytest.mark.parametrize(
    "path", ["signup", "email", "confirm-email", "password/reset", "login/code", "reauthenticate/code"]
)
def test_what_needs_mail_has_no_address(client: Client, path: str) -> None:
    assert desk_of(Role.OWNER).get(f"/account/{path}/").status_code == 404
    assert mail.outbox == []


def test_who_has_no_role_is_told_so_and_can_leave() -> None:
    guest = desk_of(None)
    page = guest.get("/peers/peer/", follow=True)
    assert (page.status_code, page.redirect_chain[-1][0]) == (403, "/account/no-access/")
    assert "has\n  no role" in page.content.decode()
    assert desk_of(Role.VIEWER).get("/account/no-access/")["Location"] == "/"
