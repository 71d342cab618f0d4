"""What REST tells of locks, events, presence, the audit log and the status; a part of each list, and one of each."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import AsyncClient

from apps.locks import services as locks
from node.core.peers import PeerEntry
from tests.support.happenings import BOOT, imported
from tests.support.journal_records import Story
from tests.support.panel import ALICE
from tests.support.rest import BASE, Caller, problem_of, token_with
from tests.support.vault_node import VaultNode

AddPeer = Callable[..., PeerEntry]


def told(api: Caller, path: str) -> Any:
    answer = api.get(path)
    assert answer.status_code == 200, answer.content
    return json.loads(answer.content)


def every(api: Caller, path: str, name: str) -> list[Any]:
    """That field of all items, read two at a time."""
    found, cursor = [], ""
    while True:
        page = told(api, f"{path}{'&' if '?' in path else '?'}limit=2{cursor}")
        found += [item[name] for item in page["items"]]
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


def test_locks_come_newest_first(api: Caller) -> None:
    placed = [locks.lock(actor=ALICE, target_kind="scope", target=f"s{n}", reason="").lock_id for n in range(5)]
    assert every(api, "/locks", "id") == placed[::-1]
    assert every(api, "/locks?target_kind=scope&target=s3&holds=true", "id") == [placed[3]]
    assert every(api, "/locks?holds=false", "id") == []
    assert told(api, f"/locks/{placed[0]}")["target"] == "s0"
    problem_of(api.get(f"/locks/{placed[0][:8]}"), 404)
    problem_of(api.get("/locks?target_kind=nonsense"), 422)


def test_events_and_presence(api: Caller, add_peer: AddPeer) -> None:
    for name in ("laptop", "phone", "tablet"):
        add_peer(name)
    story = Story()
    found = imported([story.connected(1, "laptop"), story.closed(1, "laptop"), *(story.tell("refused") for _ in "abc")])
    ids = [event.pk for event in found][::-1]
    assert every(api, "/activity", "id") == ids
    assert every(api, "/activity?kind=refused&kind=closed", "id") == ids[:4]
    assert every(api, f"/activity?peer_id=laptop&boot={BOOT}&connection=1", "kind") == ["closed", "connected"]
    assert every(api, "/activity?since=2999-01-01", "id") == []
    assert told(api, f"/activity/{ids[0]}")["kind"] == "refused"
    problem_of(api.get(f"/activity/{ids[0] + 99}"), 404)
    assert every(api, "/presence", "peer_id") == ["laptop", "phone", "tablet"]
    assert told(api, "/presence/laptop")["last_seen"] is not None
    problem_of(api.get("/presence/nobody"), 404)
    assert every(api, "/connections", "connection") == [], "no node runs"
    for wrong in ("/activity?since=9999-12-31T23:59:59-01:00", "/activity?connection=x", "/activity/x"):
        problem_of(api.get(wrong), 422)


def test_the_log_is_read_verified_and_signed(api: Caller, add_peer: AddPeer, node: VaultNode) -> None:
    for name in ("a", "b", "c"):
        add_peer(name)
    assert every(api, "/audit", "number") == [3, 2, 1]
    assert every(api, "/audit?object_id=b&actor=alice&action=peer.added", "number") == [2]
    assert told(api, "/audit/1")["after"]["peer_id"] == "a"
    problem_of(api.get("/audit/4"), 404)
    assert json.loads(api.call("POST", "/audit/verify").content)["holds"] is True
    assert json.loads(api.call("POST", "/audit/checkpoint").content)["number"] == 3
    assert json.loads(api.call("POST", "/audit/verify").content)["signed"]["number"] == 3


@pytest.mark.django_db(transaction=True)
async def test_the_log_is_exported_in_pieces(transactional_db: None) -> None:
    from asgiref.sync import sync_to_async

    token = await sync_to_async(token_with)()
    answer = await AsyncClient().get(f"{BASE}/audit/export", headers={"Authorization": f"Bearer {token}"})
    lines = [json.loads(line) async for piece in answer for line in piece.decode().splitlines()]  # type: ignore[attr-defined]
    assert [line["type"] for line in lines] == ["audit", "row", "end"]
    assert token.split("_", 2)[2] not in str(lines)
