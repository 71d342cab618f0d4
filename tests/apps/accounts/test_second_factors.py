"""Second factors: an app's codes, recovery codes, and what becomes of them. Passkeys are tried in a browser."""

import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.test import Client

from apps.accounts.rights import Role
from apps.accounts.services import remove_users
from apps.accounts.sign_in.sessions import reset_second_factors
from apps.audit.models import AuditEntry
from tests.support.accounts import add_user
from tests.support.panel import ALICE, text
from tests.support.signing_in import PASSWORD, code, factors, sign_in, with_app

AUTHENTICATE = "/account/2fa/authenticate/"
APP = "/account/2fa/app/"
CODES = "/account/2fa/recovery-codes/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> User:
    return add_user(Role.OPERATOR, "ann", PASSWORD)


@pytest.fixture
def desk(ann: User, client: Client) -> Client:
    sign_in(client, "ann")
    return client


def did() -> list[str]:
    """What the log has besides sign-ins."""
    rows = AuditEntry.objects.order_by("id").exclude(action__in=["user.signed_in", "user.signed_out"])
    return list(rows.values_list("action", flat=True))


def add_app(desk: Client) -> tuple[str, list[str]]:
    """Through the pages: the secret, and the recovery codes, which are shown this once."""
    page = desk.get(APP).content.decode()
    found = re.search(r'id="authenticator_secret" value="([A-Z2-7]+)"', page)
    assert found is not None
    assert "data:image/svg+xml;base64," in page
    assert desk.post(APP, {"code": code(found[1])})["Location"] == CODES
    return found[1], re.findall(r"\b\d{8}\b", desk.get(CODES).content.decode())


def test_no_browser_keeps_a_page_of_ones_account(desk: Client) -> None:
    for path in (APP, "/account/2fa/", "/account/2fa/passkeys/add/", "/account/password/change/", "/account/sessions/"):
        assert "no-store" in desk.get(path)["Cache-Control"], path


def test_an_app_is_added_used_and_removed_with_a_row_for_each(
    desk: Client, ann: User, django_capture_on_commit_callbacks: Any
) -> None:
    assert desk.post(APP, {"code": "000000"}).status_code == 200
    secret, codes = add_app(desk)
    assert (len(codes), did()) == (10, ["user.second_factor_added"])
    other = Client()
    assert sign_in(other, "ann")["Location"] == AUTHENTICATE
    assert other.get("/").status_code == 302, "the password alone is not enough"
    other.post(AUTHENTICATE, {"code": "000000"})
    assert other.get("/").status_code == 302
    other.post(AUTHENTICATE, {"code": code(secret, 1)})
    assert other.get("/").status_code == 200
    assert AuditEntry.objects.latest("pk").after["by"] == ["password", "totp"]
    assert desk.post(f"{APP}remove/").status_code == 302
    assert (factors(ann), did()) == ([], ["user.second_factor_added", "user.second_factor_removed"])
    assert secret not in str(list(AuditEntry.objects.values()))


def test_a_code_is_good_once(ann: User) -> None:
    secret = with_app(ann)
    first, second = Client(), Client()
    for browser in (first, second):
        sign_in(browser, "ann")
        browser.post(AUTHENTICATE, {"code": code(secret)})
    assert [browser.get("/").status_code for browser in (first, second)] == [200, 302]


def test_a_recovery_code_is_good_once_and_shown_once(desk: Client, ann: User) -> None:
    _, codes = add_app(desk)
    assert re.findall(r"\b\d{8}\b", desk.get(CODES).content.decode()) == []
    for expected in (200, 302):
        browser = Client()
        sign_in(browser, "ann")
        browser.post(AUTHENTICATE, {"code": codes[3]})
        assert browser.get("/").status_code == expected
    desk.post(f"{CODES}generate/")
    assert did() == ["user.second_factor_added", "user.recovery_codes_made"]
    browser = Client()
    sign_in(browser, "ann")
    browser.post(AUTHENTICATE, {"code": codes[4]})
    assert browser.get("/").status_code == 302, "one of the older ones"


def test_what_the_database_keeps_opens_nothing_by_itself(desk: Client, ann: User, settings: Any) -> None:
    secret, codes = add_app(desk)
    stored = str(list(Authenticator.objects.values()))
    assert secret not in stored
    assert not any(one in stored for one in codes)
    settings.SECRET_KEY = "that of another machine, after a restore"
    browser = Client()
    sign_in(browser, "ann")
    for attempt in (code(secret, 1), codes[0]):
        assert browser.post(AUTHENTICATE, {"code": attempt}).status_code == 200
    assert browser.get("/").status_code == 302


def test_a_lost_phone_is_reset_by_somebody_else_in_one_row(desk: Client, ann: User) -> None:
    add_app(desk)
    assert reset_second_factors(actor=ALICE, username="ann") == 1
    assert reset_second_factors(actor=ALICE, username="ann") == 0
    assert (factors(ann), did()) == ([], ["user.second_factor_added", "user.second_factors_reset"])
    browser = Client()
    sign_in(browser, "ann")
    assert browser.get("/").status_code == 200


def test_the_removal_of_a_user_is_one_row_whatever_they_had(desk: Client, ann: User) -> None:
    add_app(desk)
    remove_users(actor=ALICE, usernames=["ann"])
    assert did() == ["user.second_factor_added", "user.removed"]
    assert not Authenticator.objects.exists()


def test_a_passkey_has_pages_to_rename_and_remove_it(ann: User, desk: Client) -> None:
    kinds = Authenticator.Type.WEBAUTHN
    key = Authenticator.objects.create(user=ann, type=kinds, data={"name": "This laptop", "credential": {}})
    for act, heading in (("edit", ">Edit security key<"), ("remove", ">Remove “This laptop”?<")):
        assert heading in text(desk, f"/account/2fa/passkeys/{key.pk}/{act}/")
    desk.post(f"/account/2fa/passkeys/{key.pk}/edit/", {"name": "That laptop"})
    key.refresh_from_db()
    assert key.wrap().name == "That laptop"
