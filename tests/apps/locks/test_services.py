"""Placing and lifting locks: one row, one audit row and one notification each, or nothing at all."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from apps.audit.models import AuditEntry
from apps.locks import selectors, services
from apps.locks.errors import Absent
from apps.locks.models import Lock
from apps.peers import services as peers
from node.core.locks import InvalidLock
from tests.support.credentials import insert
from tests.support.panel import ALICE, audit, notification_listener

pytestmark = pytest.mark.django_db


def lock(kind: str = "scope", target: str = "fs:write", **fields: Any) -> selectors.LockFacts:
    return services.lock(actor=ALICE, **{"target_kind": kind, "target": target, "reason": ""} | fields)


def test_a_lock_leaves_a_row_an_audit_row_and_a_notification(add_peer: Callable[..., Any]) -> None:
    add_peer("ann")
    heard = notification_listener()
    end = time.time() + 60.5
    placed = lock("peer", "ann", reason="rotating keys", message="call the desk", expires_at=end)
    row = Lock.objects.get()
    assert (row.target_kind, row.target, row.reason, row.message) == ("peer", "ann", "rotating keys", "call the desk")
    assert (row.expires_at, row.created_by, placed.holds) == (end, "alice (shell)", True)
    [(channel, payload)] = heard()
    assert (channel, payload["op"], payload["id"]) == ("locks_changed", "insert", placed.lock_id)
    assert audit()[-1] == ("alice", "lock.placed", "peer ann")
    after = AuditEntry.objects.latest("id").after
    assert (after["lock_id"], after["message"], after["expires_at"]) == (placed.lock_id, "call the desk", end)

    gone = services.unlock(actor=ALICE, lock_id=placed.lock_id)
    assert (gone.what, Lock.objects.count()) == ("peer ann", 0)
    assert audit()[-1] == ("alice", "lock.lifted", "peer ann")
    assert [payload["op"] for _, payload in heard()] == ["delete"]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"target_kind": "pear"}, {"target_kind": ["One of: peer, scope, alpn, credential, everything."]}),
        ({"target": ""}, {"target": ["Which scope?"]}),
        ({"target_kind": "everything"}, {"target": ["Everything has no target."]}),
        ({"target_kind": "peer"}, {"target": ["There is no peer “fs:write”, and no API key with that prefix."]}),
        ({"target_kind": "credential"}, {"target": ["There is no credential “fs:write”."]}),
        ({"message": "é" * 200}, {"message": ["At most 240 bytes of UTF-8; this has 400."]}),
        ({"reason": "a\nb"}, {"reason": ["This is one line of text."]}),
        ({"expires_at": 1.0}, {"expires_at": ["That time has passed."]}),
        ({"expires_at": float("nan")}, {"expires_at": ["An end is in unix seconds, at the latest in the year 9999."]}),
    ],
)
def test_what_is_wrong_is_refused_and_leaves_nothing(fields: dict[str, Any], wrong: dict[str, list[str]]) -> None:
    with pytest.raises(InvalidLock) as refused:
        lock(**fields)
    assert refused.value.errors == wrong
    assert (Lock.objects.count(), audit()) == (0, [])


def test_an_api_key_is_locked_by_its_prefix_and_a_credential_by_its_provider() -> None:
    key = peers.create_api_key(actor=ALICE, description="robot", scopes=[])
    insert("openai")
    assert lock("peer", key.entry.prefix).what == f"peer {key.entry.prefix}"
    assert lock("credential", "openai").what == "credential openai"
    assert lock("everything", "").what == "everything"
    assert lock("alpn", "alknet/call").what == "alpn alknet/call"


def test_a_lock_follows_its_peer_to_another_name(add_peer: Callable[..., Any]) -> None:
    """A rename must not free anybody: the name is all that a lock knows."""
    add_peer("ann"), add_peer("bob")
    placed, other = lock("peer", "ann"), lock("peer", "bob")
    peers.update_peer(actor=ALICE, peer_id="ann", changes={"peer_id": "anna"})
    assert {row.pk: row.target for row in Lock.objects.all()} == {placed.lock_id: "anna", other.lock_id: "bob"}
    assert audit()[-1] == ("alice", "lock.followed", "peer anna")
    assert AuditEntry.objects.latest("id").before["target"] == "ann"


def test_a_lock_outlives_its_peer(add_peer: Callable[..., Any]) -> None:
    add_peer("ann")
    lock("peer", "ann")
    peers.remove_peers(actor=ALICE, peer_ids=["ann"])
    add_peer("ann")
    assert [found.what for found in selectors.locks_on("peer", "ann")] == ["peer ann"]


def test_ended_locks_hold_nothing_are_listed_and_go_together(monkeypatch: pytest.MonkeyPatch) -> None:
    short, long = lock(expires_at=time.time() + 60), lock(target="fs:read")
    everything = lock("everything", "", expires_at=time.time() + 90)
    assert selectors.everything_lock() == everything
    later = time.time() + 100
    monkeypatch.setattr(time, "time", lambda: later)
    assert {found.lock_id: found.holds for found in selectors.list_locks()} == {
        short.lock_id: False,
        long.lock_id: True,
        everything.lock_id: False,
    }
    assert selectors.everything_lock() is None
    assert selectors.locked_targets("scope", ["fs:write", "fs:read"]) == {"fs:read"}
    assert services.remove_expired(actor=ALICE) == 2
    assert [row.pk for row in Lock.objects.all()] == [long.lock_id]
    assert [what for _, action, what in audit() if action == "lock.removed"] == ["everything", "scope fs:write"]


def test_a_lock_is_found_by_the_beginning_of_its_id() -> None:
    placed = lock()
    assert selectors.find_lock(placed.lock_id[:8]) == placed
    for unknown in ("", placed.lock_id[:3], "nothing"):
        with pytest.raises(Absent, match="There is no lock"):
            selectors.find_lock(unknown)
    Lock.objects.create(pk=placed.lock_id[:8] + "more", target_kind="scope", target="x")
    with pytest.raises(Absent, match="More than one lock begins with"):
        selectors.find_lock(placed.lock_id[:8])


@pytest.mark.parametrize(("kind", "target"), [("pear", "x"), ("peer", ""), ("everything", "x")])
def test_the_database_itself_refuses_a_row_that_locks_nothing(kind: str, target: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Lock.objects.create(target_kind=kind, target=target)


def test_facts_in_the_log_are_json() -> None:
    lock(expires_at=time.time() + 9)
    assert json.dumps(AuditEntry.objects.latest("id").after)
