"""The set-up link makes one administrator, once, for whoever has the token, and then dies."""

import threading
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client

from apps.accounts.rights import Role
from apps.accounts.selectors import role_of
from apps.audit.models import AuditEntry
from apps.panel.setup_link import SetupOver, create_administrator, ensure_setup_token, setup_path
from tests.support.panel import audit

FORM = {"username": "alice", "password1": "correct horse battery", "password2": "correct horse battery"}


def opened(token: str) -> Client:
    """A browser that has followed the link."""
    client = Client(enforce_csrf_checks=False)
    client.get(f"/setup/{token}/")
    return client


def test_the_token_is_a_file_for_its_owner_only_and_stays_the_same(setup_token: str) -> None:
    assert settings.PATHS.setup_token.stat().st_mode & 0o777 == 0o600
    assert settings.PATHS.secrets.stat().st_mode & 0o777 == 0o700
    assert ensure_setup_token() == setup_token
    assert len(setup_token) >= 43


@pytest.mark.parametrize("end", ["/", ""])
def test_the_link_leaves_the_address_bar_at_once(setup_token: str, end: str) -> None:
    client = Client()
    response = client.get(f"/setup/{setup_token}{end}")

    assert response.status_code == 302
    assert response["Location"] == "/setup/"
    assert response["Referrer-Policy"] == "no-referrer"
    assert "no-store" in response["Cache-Control"]
    assert setup_token not in str(dict(client.session.items()))
    page = client.get("/setup/")
    assert page.status_code == 200
    assert "no-store" in page["Cache-Control"]
    assert setup_token not in page.content.decode()


def test_it_makes_the_first_administrator_and_signs_them_in(setup_token: str) -> None:
    client = opened(setup_token)
    response = client.post("/setup/", FORM)

    assert response["Location"] == "/"
    user = User.objects.get()
    assert (user.username, user.is_superuser, role_of(user)) == ("alice", False, Role.OWNER)
    assert user.check_password("correct horse battery")
    assert client.get("/").status_code == 200, "signed in"
    assert audit() == [("alice", "setup.administrator_made", "alice")]


@pytest.mark.django_db(transaction=True)
def test_it_is_dead_afterwards_for_everyone(setup_token: str) -> None:
    early, late = opened(setup_token), Client()
    opened(setup_token).post("/setup/", FORM)

    assert not settings.PATHS.setup_token.exists()
    assert early.get("/setup/").status_code == 404
    assert early.post("/setup/", FORM | {"username": "mallory"}).status_code == 404
    assert late.get(f"/setup/{setup_token}/").status_code == 404
    assert User.objects.count() == 1
    assert setup_path() is None


def test_a_token_file_that_was_left_behind_opens_nothing(setup_token: str, admin_user: User) -> None:
    assert settings.PATHS.setup_token.exists()
    assert Client().get(f"/setup/{setup_token}/").status_code == 404
    assert ensure_setup_token() is None
    assert not settings.PATHS.setup_token.exists()


@pytest.mark.parametrize(
    "path", ["/setup/", "/setup/wrong/", "/setup/wrong", "/setup/%00/", "/setup/é/", "/setup/" + "x" * 5000 + "/"]
)
def test_without_the_token_there_is_nothing(setup_token: str, path: str) -> None:
    client = Client()
    assert client.get(path).status_code == 404
    assert client.post("/setup/", FORM).status_code == 404
    assert not User.objects.exists()


def test_without_a_token_file_there_is_nothing(db: None) -> None:
    assert not settings.PATHS.setup_token.exists()
    assert Client().get("/setup/None/").status_code == 404


def test_a_link_is_followed_by_reading_only(setup_token: str) -> None:
    assert Client().post(f"/setup/{setup_token}/").status_code == 405


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"password2": "another horse battery"}, "password2"),
        ({"password1": "12345678", "password2": "12345678"}, "password2"),
        ({"password1": "alice", "password2": "alice"}, "password2"),
        ({"username": ""}, "username"),
        ({"username": "not a name!"}, "username"),
    ],
)
def test_a_wrong_form_is_shown_again_and_the_link_lives_on(setup_token: str, wrong: dict[str, str], field: str) -> None:
    client = opened(setup_token)
    response = client.post("/setup/", FORM | wrong)

    assert field in response.context["form"].errors
    assert not User.objects.exists()
    assert client.post("/setup/", FORM).status_code == 302


def test_the_form_needs_its_csrf_token(setup_token: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.get(f"/setup/{setup_token}/")

    assert client.post("/setup/", FORM).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_an_administrator_made_at_the_command_line_ends_it_too(
    setup_token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    User.objects.create_user("bob")
    assert settings.PATHS.setup_token.exists()
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "correct horse battery")
    call_command("createsuperuser", username="alice", email="", interactive=False, verbosity=0)

    assert not settings.PATHS.setup_token.exists()
    assert audit() == [("alice", "setup.administrator_made", "alice")]
    assert AuditEntry.objects.get().actor_kind == "cli"


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_exactly_one_wins(setup_token: str) -> None:
    outcomes: list[Any] = []
    gate = threading.Barrier(6)

    def attempt(number: int) -> None:
        gate.wait()
        try:
            outcomes.append(create_administrator(username=f"user{number}", password="correct horse battery"))
        except SetupOver:
            outcomes.append(None)
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    winners = [outcome for outcome in outcomes if outcome is not None]
    assert len(outcomes) == 6
    assert [user.username for user in winners] == list(User.objects.values_list("username", flat=True))
    assert len(audit()) == 1


def test_the_command_prints_the_path_and_then_null(setup_token: str, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("setup_link")
    assert capsys.readouterr().out == f'"/setup/{setup_token}/"\n'
    create_administrator(username="alice", password="correct horse battery")
    call_command("setup_link")
    assert capsys.readouterr().out == "null\n"
