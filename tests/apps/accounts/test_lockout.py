"""How often one may be wrong."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from apps.accounts.models import Attempt
from apps.accounts.rights import Role
from apps.accounts.sign_in import lockout
from apps.audit.models import AuditEntry
from tests.support.accounts import add_user
from tests.support.signing_in import LOGIN, PASSWORD, code, sign_in, with_app

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ann() -> None:
    add_user(Role.OPERATOR, "ann", PASSWORD)


def fail(client: Client, times: int, name: str = "ann", **headers: str) -> str:
    """The last page."""
    page = ""
    for _ in range(times):
        page = client.post(LOGIN, {"login": name, "password": "wrong"}, **headers).content.decode()
    return page


def gets_in(name: str = "ann", **headers: str) -> bool:
    client = Client(**headers)
    sign_in(client, name)
    return "_auth_user_id" in client.session


def pass_time(seconds: float) -> None:
    """All that was counted lies so much further back."""
    for row in Attempt.objects.all():
        Attempt.objects.filter(pk=row.pk).update(last=row.last - seconds, until=row.until and row.until - seconds)


def test_five_failures_close_the_account_to_the_address_and_to_no_other(client: Client) -> None:
    fail(client, lockout.OF_ACCOUNT - 1)
    assert gets_in()
    fail(client, lockout.OF_ACCOUNT)
    assert not gets_in()
    assert gets_in(REMOTE_ADDR="192.0.2.7")
    assert re.search(r"Too many failed attempts\. Try again in \d\d seconds\.", fail(client, 1))
    (row,) = AuditEntry.objects.filter(action="user.locked_out")
    assert (row.actor_kind, row.object_id, row.after["address"]) == ("system", "ann", "127.0.0.1")


def test_a_name_that_nobody_has_is_closed_in_the_same_words_and_leaves_no_row(client: Client) -> None:
    assert re.search(r"Try again in \d\d seconds\.", fail(client, lockout.OF_ACCOUNT + 1, "nobody"))
    assert not AuditEntry.objects.exists()
    assert gets_in()


def test_each_further_failure_closes_it_for_twice_as_long_up_to_a_bound(client: Client) -> None:
    fail(client, lockout.OF_ACCOUNT)
    for expected in (60.0, 120.0, 240.0, 480.0, 900.0, 900.0):
        row = Attempt.objects.get(failures__gte=lockout.OF_ACCOUNT, until__gt=0)
        pass_time(row.until - time.time())
        fail(client, 1)
        row = Attempt.objects.get(until__gt=time.time())
        assert row.until - row.last == pytest.approx(expected)


def test_it_ends_by_itself_and_is_forgotten(client: Client) -> None:
    fail(client, lockout.OF_ACCOUNT)
    pass_time(31)
    assert gets_in()
    fail(client, lockout.OF_ACCOUNT - 1)
    pass_time(lockout.FORGET_S)
    fail(client, 1)
    assert gets_in()
    assert Attempt.objects.count() == 1, "the address's own count"


def test_an_address_that_tries_many_names_is_closed_to_all(client: Client) -> None:
    for number in range(lockout.OF_ADDRESS):
        fail(client, 1, f"name{number}")
    assert not gets_in()
    assert gets_in(REMOTE_ADDR="192.0.2.7")


def test_an_ipv6_client_is_its_network(client: Client) -> None:
    for number in range(lockout.OF_ACCOUNT):
        fail(client, 1, REMOTE_ADDR=f"2001:db8::{number:x}")
    assert not gets_in(REMOTE_ADDR="2001:db8::ffff")
    assert gets_in(REMOTE_ADDR="2001:db8:0:1::1")


def test_an_ipv4_client_is_itself_in_its_ipv6_spelling_too(client: Client) -> None:
    fail(client, lockout.OF_ACCOUNT, REMOTE_ADDR="::ffff:192.0.2.7")
    assert not gets_in(REMOTE_ADDR="192.0.2.7")
    assert gets_in(REMOTE_ADDR="::ffff:192.0.2.8")


def test_a_thousand_failures_close_it_as_long_as_any_do(client: Client) -> None:
    fail(client, 1)
    Attempt.objects.update(failures=5_000)
    fail(client, 1)
    assert not gets_in()
    assert Attempt.objects.filter(until__lte=time.time() + lockout.LONGEST_S).count() == 2


@pytest.mark.django_db(transaction=True)
def test_what_is_tried_at_once_is_counted_like_what_is_tried_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []

    def look(self: User, password: str) -> bool:
        looks.append(password)
        time.sleep(0.02)  # a hash takes its time, in which the others come
        return False

    monkeypatch.setattr(User, "check_password", look)
    with ThreadPoolExecutor(3 * lockout.OF_ACCOUNT) as browsers:
        list(browsers.map(_guess, range(3 * lockout.OF_ACCOUNT)))
    assert len(looks) == lockout.OF_ACCOUNT
    assert not lockout._turns, "and what they waited for is gone"


def _guess(number: int) -> None:
    try:
        fail(Client(), 1)
    finally:
        connection.close()


def test_wrong_codes_close_the_second_step_to_every_address(client: Client) -> None:
    secret = with_app(add_user(Role.OWNER, "olga", PASSWORD))
    sign_in(client, "olga")
    for number in range(lockout.OF_CODES):
        client.post("/account/2fa/authenticate/", {"code": "000000"}, REMOTE_ADDR=f"2001:db8:0:{number:x}::1")
    page = client.post("/account/2fa/authenticate/", {"code": code(secret)}, REMOTE_ADDR="192.0.2.7")
    assert "Too many failed attempts" in page.content.decode()
    (row,) = AuditEntry.objects.filter(action="user.locked_out")
    assert (row.object_id, row.after["address"]) == ("olga", "")


def test_the_old_password_is_guessed_no_oftener_where_it_is_changed(client: Client) -> None:
    sign_in(client, "ann")
    new = {"password1": "another horse battery", "password2": "another horse battery"}
    for _ in range(lockout.OF_ACCOUNT):
        client.post("/account/password/change/", {"oldpassword": "wrong", **new})
    page = client.post("/account/password/change/", {"oldpassword": PASSWORD, **new})
    assert "Too many failed attempts" in page.content.decode()
    assert User.objects.get(username="ann").check_password(PASSWORD)


def test_codes_are_counted_with_passwords_and_a_right_password_forgets_nothing(client: Client) -> None:
    secret = with_app(add_user(Role.OWNER, "olga", PASSWORD))
    for _ in range(lockout.OF_ACCOUNT):
        sign_in(client, "olga")
        client.post("/account/2fa/authenticate/", {"code": "000000"})
    page = client.post("/account/2fa/authenticate/", {"code": code(secret)})
    assert "Too many failed attempts" in page.content.decode()
    assert "_auth_user_id" not in client.session
    assert "Too many failed attempts" in sign_in(Client(), "olga").content.decode()


def test_what_is_kept_is_bounded(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lockout, "MOST", 5)
    for number in range(9):
        fail(client, 1, f"name{number}")
    assert Attempt.objects.count() <= 6
