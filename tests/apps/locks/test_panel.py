"""Locks in the panel: placed, seen, lifted, and everything only with the words typed."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.accounts.rights import Role
from apps.locks import services
from apps.locks.models import Lock
from tests.support.accounts import desk_of
from tests.support.credentials import insert
from tests.support.panel import ALICE, audit

LIST = "/locks/lock/"
ADD = f"{LIST}add/"
EVERYTHING = f"{LIST}everything/"


def text(client: Client, path: str) -> str:
    response = client.get(path, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def test_a_peer_is_locked_from_its_own_page_and_unlocked_from_the_list(
    panel: Client, add_peer: Callable[..., Any]
) -> None:
    add_peer("ann")
    asked = panel.get("/peers/peer/ann/lock/")
    assert asked.headers["Location"] == f"{ADD}?target_kind=peer&target=ann"
    assert 'value="ann"' in text(panel, asked.headers["Location"])
    before = time.time()
    wish = {"target_kind": "peer", "target": "ann", "lasts": "3600", "message": "call the desk", "reason": "a leak"}
    done = panel.post(ADD, wish, follow=True)
    assert done.redirect_chain == [(LIST, 302)]
    row = Lock.objects.get()
    assert (row.target, row.message, row.reason, row.created_by) == ("ann", "call the desk", "a leak", "admin")
    assert row.expires_at is not None
    assert before + 3600 <= row.expires_at <= time.time() + 3600
    for shown in ("Peer ann", "call the desk", "a leak", "admin", "UTC"):
        assert shown in text(panel, LIST)
    assert "Peer ann is locked until" in text(panel, "/peers/peer/ann/change/")
    assert "locked" in text(panel, f"{LIST}{row.pk}/history/")

    assert "Unlock: Peer ann?" in text(panel, f"{LIST}{row.pk}/unlock/")
    assert Lock.objects.count() == 1, "asking changes nothing"
    panel.post(f"{LIST}{row.pk}/unlock/")
    assert Lock.objects.count() == 0
    assert audit()[-2:] == [("admin", "lock.placed", "peer ann"), ("admin", "lock.lifted", "peer ann")]
    assert "is locked" not in text(panel, "/peers/peer/ann/change/")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"target_kind": "peer", "target": "nobody"}, "There is no peer “nobody”"),
        ({"target": "two words"}, "A scope has no spaces or commas and is not empty."),
        ({"target": ""}, "Which one?"),
        ({"target_kind": "everything", "target": "x"}, "Select a valid choice"),
        ({"lasts": "date"}, "Until when?"),
        ({"lasts": "3600", "until": "2999-01-01T00:00"}, "or leave the date empty"),
        ({"lasts": "date", "until": "2020-01-01T00:00"}, "That time has passed."),
        ({"message": "é" * 200}, "At most 240 bytes of UTF-8; this has 400."),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_locks_nothing(
    panel: Client, fields: dict[str, str], words: str
) -> None:
    response = panel.post(ADD, {"target_kind": "scope", "target": "a"} | fields)
    assert response.status_code == 200
    assert words in response.content.decode()
    assert (Lock.objects.count(), audit()) == (0, [])


def test_a_date_ends_a_lock(panel: Client) -> None:
    panel.post(ADD, {"target_kind": "scope", "target": "a", "lasts": "date", "until": "2999-01-01T12:30"})
    assert Lock.objects.get().expires_at == 32472189000.0
    assert "2999-01-01 12:30 UTC" in text(panel, LIST)


def test_everything_needs_the_words(panel: Client) -> None:
    assert "Lock everything?" in text(panel, EVERYTHING)
    for typed in ("", "yes", "lock"):
        refused = panel.post(EVERYTHING, {"confirmation": typed, "message": "maintenance"})
        assert "or nothing is locked" in refused.content.decode()
    assert (Lock.objects.count(), audit()) == (0, [])
    panel.post(EVERYTHING, {"confirmation": "Lock everything", "message": "maintenance", "lasts": "3600"})
    row = Lock.objects.get()
    assert (row.target_kind, row.target, row.message) == ("everything", "", "maintenance")
    assert "Everything is locked until" in text(panel, "/")
    panel.post(LIST, {"action": "unlock_selected", "_selected_action": [row.pk]})
    assert Lock.objects.count() == 0
    assert audit()[-1] == ("admin", "lock.lifted", "everything")


def test_ended_locks_are_shown_as_such_and_go_together(panel: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for target in ("a", "b"):
        services.lock(actor=ALICE, target_kind="scope", target=target, reason="", expires_at=time.time() + 60)
    services.lock(actor=ALICE, target_kind="scope", target="c", reason="")
    assert "Remove ended" not in text(panel, LIST)
    later = time.time() + 61
    monkeypatch.setattr("apps.locks.selectors.time.time", lambda: later)
    page = text(panel, LIST)
    assert "Remove ended" in page
    assert page.count("alknet-ended") == 2
    assert "Scope c" not in text(panel, f"{LIST}?state=ended")
    assert "Scope a" not in text(panel, f"{LIST}?state=holds")
    ended = Lock.objects.get(target="a")
    assert "holds nothing any more" in text(panel, f"{LIST}{ended.pk}/change/")
    assert "Remove 2 locks that have ended?" in text(panel, f"{LIST}remove-ended/")
    panel.post(f"{LIST}remove-ended/")
    assert [row.target for row in Lock.objects.all()] == ["c"]


def test_a_locked_credential_says_so_on_its_page(panel: Client) -> None:
    insert("openai")
    services.lock(actor=ALICE, target_kind="credential", target="openai", reason="", message="spent")
    assert "Credential openai is locked until it is unlocked" in text(panel, "/credentials/credential/openai/change/")


def test_rights(add_peer: Callable[..., Any]) -> None:
    """Who may only look sees locks, and places and lifts none."""
    add_peer("ann")
    placed = services.lock(actor=ALICE, target_kind="peer", target="ann", reason="")
    client = desk_of(Role.VIEWER)
    assert "is locked" in text(client, "/peers/peer/ann/change/")
    assert "Peer ann" in text(client, LIST)
    for path in (ADD, EVERYTHING, f"{LIST}{placed.lock_id}/unlock/", f"{LIST}remove-ended/", "/peers/peer/ann/lock/"):
        assert client.get(path).status_code == 403, path
        assert client.post(path, {"confirmation": "lock everything"}).status_code == 403, path
    client.post(LIST, {"action": "unlock_selected", "_selected_action": [placed.lock_id]})
    assert client.post(f"{LIST}{placed.lock_id}/delete/", {"post": "yes"}).status_code == 403
    assert Lock.objects.count() == 1
