"""The list of one's sessions, and an end to each."""

import re

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client

from apps.accounts.rights import Role
from tests.support.accounts import add_user
from tests.support.panel import audit
from tests.support.signing_in import PASSWORD, sign_in

PAGE = "/account/sessions/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def browsers() -> list[Client]:
    """Three of ann's, and bob's."""
    add_user(Role.OPERATOR, "ann", PASSWORD)
    add_user(Role.OPERATOR, "bob", PASSWORD)
    made = [Client(headers={"user-agent": f"Browser {number}"}) for number in range(4)]
    for browser, name in zip(made, ["ann", "ann", "ann", "bob"], strict=True):
        sign_in(browser, name)
    return made


def ended() -> list[tuple[str, str, str]]:
    return [row for row in audit() if row[1] == "user.sessions_ended"]


def alive(browsers: list[Client]) -> list[bool]:
    return [browser.get("/").status_code == 200 for browser in browsers]


def test_each_is_listed_with_its_browser_and_ones_own_alone(browsers: list[Client]) -> None:
    page = browsers[0].get(PAGE).content.decode()
    assert re.findall(r"Browser \d", page) == ["Browser 2", "Browser 1", "Browser 0"]
    assert page.count("This one") == 1


def test_one_is_ended_and_with_a_row(browsers: list[Client]) -> None:
    second = UserSession.objects.get(user_agent="Browser 1")
    browsers[0].post(PAGE, {"end": str(second.pk)})
    assert alive(browsers) == [True, False, True, True]
    assert ended() == [("ann", "user.sessions_ended", "ann")]


def test_all_others_are_ended_in_one_row(browsers: list[Client]) -> None:
    browsers[1].post(PAGE, {"end": "others"})
    assert alive(browsers) == [False, True, False, True]
    assert len(ended()) == 1


def test_nobody_ends_anothers_and_nothing_leaves_no_row(browsers: list[Client]) -> None:
    of_bob = UserSession.objects.get(user__username="bob")
    for wanted in (str(of_bob.pk), "0", "x", ""):
        browsers[0].post(PAGE, {"end": wanted})
    assert (alive(browsers), ended()) == ([True] * 4, [])
