"""A fresh proof of who one is before acts that cannot be undone."""

from typing import Any

import pytest
from django.test import Client
from django.urls import NoReverseMatch, get_resolver, reverse

from apps.accounts.rights import Role
from apps.accounts.sign_in.step_up import FORM, SENT, STEP_UP
from apps.backups.models import Backup
from apps.peers.models import Peer
from tests.support.accounts import add_user
from tests.support.panel import audit
from tests.support.signing_in import PASSWORD, code, sign_in, with_app

DELETE = "/peers/peer/laptop/delete/"
ASK = "/account/reauthenticate/"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ten_minutes(settings: Any) -> None:
    settings.STEP_UP_SECONDS = 600


@pytest.fixture
def desk(client: Client, add_peer: Any) -> Client:
    add_user(Role.OWNER, "ann", PASSWORD)
    sign_in(client, "ann")
    add_peer("laptop")
    return client


def grow_old(client: Client, seconds: float = 601) -> None:
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= seconds
    session.save()


def test_whoever_has_just_signed_in_is_not_asked(desk: Client) -> None:
    assert desk.get(DELETE).status_code == 200
    grow_old(desk, 590)
    assert desk.post(DELETE, {"post": "yes"})["Location"] == "/peers/peer/"
    assert not Peer.objects.exists()


def test_later_they_are_asked_first_and_then_get_to_the_page(desk: Client) -> None:
    grow_old(desk)
    asked = desk.get(DELETE)
    assert asked["Location"] == f"{ASK}?next=%2Fpeers%2Fpeer%2Flaptop%2Fdelete%2F"
    assert desk.post(ASK, {"password": "wrong", "next": DELETE}).status_code == 200
    assert desk.get(DELETE).status_code == 302
    assert desk.post(ASK, {"password": PASSWORD, "next": DELETE})["Location"] == DELETE
    assert desk.get(DELETE).status_code == 200


def test_what_is_sent_too_late_does_nothing_and_is_stored_nowhere(desk: Client) -> None:
    grow_old(desk)
    before = len(audit())
    answer = desk.post("/auth/user/add/", {"username": "eve", "password1": "hunter2hunter2", "role": "owner"})
    assert answer["Location"].startswith(ASK)
    assert len(audit()) == before
    assert "hunter2" not in str(dict(desk.session.items()))
    assert "Nothing was changed" in desk.get(ASK).content.decode()


def test_a_time_that_lies_ahead_is_no_proof(desk: Client) -> None:
    grow_old(desk, -60)
    assert desk.get(DELETE).status_code == 302


def test_a_second_factor_proves_it_as_well(client: Client, add_peer: Any) -> None:
    secret = with_app(add_user(Role.OWNER, "ann", PASSWORD))
    add_peer("laptop")
    sign_in(client, "ann")
    client.post("/account/2fa/authenticate/", {"code": code(secret)})
    grow_old(client)
    answer = client.post("/account/2fa/reauthenticate/", {"code": code(secret, 1), "next": DELETE})
    assert answer["Location"] == DELETE
    assert client.get(DELETE).status_code == 200


def test_from_a_list_the_removal_asks_and_the_rest_does_not(desk: Client) -> None:
    grow_old(desk)
    selected = {"_selected_action": ["laptop"]}
    assert desk.get("/peers/peer/").status_code == 200
    assert "Disable 1 peer?" in desk.post("/peers/peer/", {"action": "disable_peers", **selected}).content.decode()
    assert desk.post("/peers/peer/", {"action": "delete_selected", **selected})["Location"].startswith(ASK)
    assert Peer.objects.exists()


@pytest.mark.parametrize("more", [{}, {"index": "1"}])
def test_a_removal_asks_whatever_other_action_the_form_names_besides(desk: Client, more: dict[str, str]) -> None:
    """Django takes the first, or the one that `index` says; a look at the last alone would see another one."""
    grow_old(desk)
    sent = {"action": ["delete_selected", "disable_peers"], "_selected_action": ["laptop"], "confirmed": "yes", **more}
    for _ in range(2):
        assert desk.post("/peers/peer/", sent)["Location"].startswith(ASK)
        sent["action"] = sent["action"][::-1]


def names(resolver: Any, before: str = "") -> set[str]:
    found: set[str] = set()
    for pattern in resolver.url_patterns:
        if hasattr(pattern, "url_patterns"):
            found |= names(pattern, f"{pattern.namespace}:" if pattern.namespace else before)
        else:
            found.add(f"{before}{pattern.name}")
    return found


def test_every_act_that_is_listed_exists() -> None:
    assert set(STEP_UP) <= names(get_resolver())


@pytest.mark.parametrize("name", [name for name, how in STEP_UP.items() if how in (FORM, SENT)])
def test_each_listed_act_asks(desk: Client, name: str) -> None:
    backup = Backup.objects.create(file="/nowhere", state="done", way="panel", made_by="ann")
    try:
        path = reverse(name)
    except NoReverseMatch:  # it is about one thing
        path = reverse(name, args=[backup.pk])
    grow_old(desk)
    assert desk.post(path)["Location"].startswith(ASK), name
