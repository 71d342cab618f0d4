"""What a change of peers would close and take away, told before: by the endpoint's own rule."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from apps.activity import selectors
from apps.activity.models import Connection
from apps.audit.models import AuditEntry
from apps.locks.closings import closings_of_lock, closings_of_peer_locks
from apps.peers import services
from apps.peers.closings import closings_of_disabling, closings_of_removing
from apps.peers.impact import impact
from apps.peers.selectors import get_peer, get_state, get_states
from node.core.locks import LockKind
from node.core.peers import PeerEntry
from tests.support.panel import ALICE, fingerprint

AddPeer = Callable[..., PeerEntry]
OLD, NEW = fingerprint("ci"), fingerprint("new")


@pytest.fixture
def _runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selectors, "node_runs", lambda: True)


def connect(peer_id: str | None, key: str | None, number: int = 1, alpn: str = "h3") -> None:
    Connection.objects.create(
        boot="b", connection=number, peer_id=peer_id, fingerprint=key, alpn=alpn, address="a", since=datetime.now(UTC)
    )


def told(changes: dict[str, Any] | None) -> list[tuple[str, float | None]]:
    return [(one.reason, one.at) for one in impact("ci", changes).closings.shown]


@pytest.mark.usefixtures("_runs")
def test_an_impact_is_what_the_endpoint_would_do(add_peer: AddPeer) -> None:
    add_peer("ci", scopes=["a", "b"], resources={"repo": ["web", "docs"]})
    connect("ci", OLD)
    before = AuditEntry.objects.count()

    def gone(changes: dict[str, Any] | None) -> tuple[list[str], tuple[str, ...], tuple[str, ...]]:
        found = impact("ci", changes)
        return [one.reason for one in found.closings.shown], found.scopes, found.resources

    assert gone({"scopes": ["a"]}) == ([], ("b",), ()), "who only loses scopes stays connected"
    assert gone({"resources": {"repo": ["web"]}}) == ([], (), ("repo/docs",))
    assert gone({"keys": []})[0] == ["revoked: key no longer valid"]
    assert gone({"enabled": False}) == (["revoked: peer disabled"], ("a", "b"), ("repo/web", "repo/docs"))
    assert gone(None)[0] == ["revoked: peer removed"]
    assert gone({"peer_id": "c2"})[0] == ["revoked: peer removed"]
    Connection.objects.update(fingerprint=f"SHA256:{7:064x}")
    assert gone({"scopes": []})[0] == [], "it came by its certificate's other name"
    assert AuditEntry.objects.count() == before


def test_a_scope_that_another_covers_is_not_lost(add_peer: AddPeer) -> None:
    add_peer("ci", keys=[OLD], scopes=["ssh:exec:id", "ssh:shell", "git:read"])
    assert impact("ci", {"scopes": ["ssh:exec:*", "git:*"]}).scopes == ("ssh:shell", "git:read")


def test_a_bucket_that_a_star_covers_is_not_lost(add_peer: AddPeer) -> None:
    add_peer("ci", keys=[OLD], resources={"bucket": ["photos"], "repo": ["web"]})
    assert impact("ci", {"resources": {"bucket": ["*"], "repo": ["*"]}}).resources == ("repo/web",)
    services.update_peer(actor=ALICE, peer_id="ci", changes={"resources": {"bucket": ["*"]}})
    assert impact("ci", {"resources": {"bucket": ["photos"]}}).resources == ("bucket/*",)


@pytest.mark.usefixtures("_runs")
def test_a_new_end_closes_when_it_has_come(add_peer: AddPeer) -> None:
    add_peer("ci", keys=[OLD, NEW])
    connect("ci", OLD)
    soon = time.time() + 3600

    assert told({"expires_at": soon}) == [("expired: peer", soon)]
    assert told({"expires_at": 1.0}) == [("expired: peer", None)]
    assert told({"key_expires_at": {OLD: soon}}) == [("expired: key", soon)]
    assert told({"key_expires_at": {NEW: soon}}) == [], "another key of it"
    assert told({"key_expires_at": {OLD: soon}, "expires_at": soon - 1}) == [("expired: peer", soon - 1)]
    services.set_peer_expiry(actor=ALICE, peer_id="ci", expires_at=soon)
    assert told({"expires_at": soon + 60}) == [], "it may stay longer"
    assert told({"key_expires_at": {OLD: soon + 60}}) == [], "it ends before that in any case"
    assert told({"expires_at": soon - 60}) == [("expired: peer", soon - 60)]


@pytest.mark.usefixtures("_runs")
def test_a_token_goes_with_its_peer_and_by_another(add_peer: AddPeer) -> None:
    add_peer("ci")
    services.issue_peer_token(actor=ALICE, peer_id="ci")
    assert impact("ci", None).token
    assert impact("ci", {"auth_token_hash": "sha256:" + "0" * 64}).token
    assert not impact("ci", {"scopes": []}).loses
    services.update_peer(actor=ALICE, peer_id="ci", changes={"enabled": False, "scopes": ["x"]})
    assert not impact("ci", {"scopes": []}).loses, "a disabled peer has nothing to lose"


@pytest.mark.usefixtures("_runs")
@pytest.mark.parametrize("many", [False, True])
def test_many_are_judged_as_one_is_with_the_strangers_that_came_by_their_keys(
    add_peer: AddPeer, monkeypatch: pytest.MonkeyPatch, *, many: bool
) -> None:
    if many:
        monkeypatch.setattr(selectors, "_FEW", 1)
    for name in ("ci", "b", "off"):
        add_peer(name, enabled=name != "off")
    connect("ci", OLD, 1)
    connect(None, fingerprint("b"), 2)
    connect(None, fingerprint("nobody"), 3)
    connect(None, fingerprint("off"), 4)
    connect("other", fingerprint("other"), 5)
    found = closings_of_disabling(get_states(["ci", "b", "off"]), limit=1)

    assert (found.total, found.more, found.known) == (2, 1, True)
    assert [(one.peer_id, one.reason) for one in found.shown] == [("b", "revoked: peer disabled")], "the latest first"
    assert closings_of_removing(get_states(["b"]), limit=9).reasons == ("revoked: peer removed",)
    entries = [get_peer(name) for name in ("ci", "b", "off")]
    assert closings_of_peer_locks(entries, "x", limit=9).total == 2
    assert impact("b", None).closings.total == 1


@pytest.mark.usefixtures("_runs")
def test_a_lock_closes_what_the_endpoint_would(add_peer: AddPeer) -> None:
    add_peer("ci")
    connect("ci", OLD, 1)
    connect(None, OLD, 2, "alknet/call")
    connect(None, None, 3, "alknet/call")

    def closed(kind: LockKind, target: str) -> list[tuple[int, str]]:
        return [(one.connection, one.reason) for one in closings_of_lock(kind, target, "call us").shown]

    assert closed(LockKind.PEER, "ci") == [(2, "locked: call us"), (1, "locked: call us")]
    assert [number for number, _ in closed(LockKind.ALPN, "alknet/call")] == [3, 2]
    assert [number for number, _ in closed(LockKind.EVERYTHING, "")] == [3, 2, 1]
    assert closed(LockKind.SCOPE, "ci") == closed(LockKind.PEER, "alk_12345678") == []


def test_while_the_node_is_down_nobody_knows(add_peer: AddPeer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selectors, "node_runs", lambda: False)
    add_peer("ci", scopes=["a"])
    connect("ci", OLD)
    found = impact("ci", {"scopes": []})
    assert (found.closings.known, found.closings.total, found.scopes, found.loses) == (False, 0, ("a",), True)
    state = get_state("ci")
    assert not closings_of_removing([replace(state)], limit=1).known
