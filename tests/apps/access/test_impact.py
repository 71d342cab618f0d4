"""What a change would do, told before; and from a refusal to the tester."""

import pytest

from apps.access.impact import impact
from apps.accounts.rights import Role
from apps.activity import selectors
from apps.activity.links import why_not_url
from apps.activity.models import Event
from apps.audit.models import AuditEntry
from apps.peers import services as peers
from tests.support.accounts import add_user
from tests.support.happenings import imported
from tests.support.journal_records import Story
from tests.support.panel import ALICE, draft


def test_an_impact_is_what_the_endpoint_would_do(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selectors, "node_runs", lambda: True)
    entry = peers.create_peer(actor=ALICE, draft=draft("ci", scopes=["a", "b"], resources={"repo": ["web", "docs"]}))
    imported([Story().connected(1, "ci")])
    selectors.Connection.objects.update(fingerprint=entry.fingerprints[0])
    before = AuditEntry.objects.count()

    def told(changes: dict[str, object] | None) -> tuple[list[str], tuple[str, ...], tuple[str, ...]]:
        found = impact("ci", changes)
        return [one.reason for one in found.closing], found.scopes, found.resources

    assert told({"scopes": ["a"]}) == ([], ("b",), ()), "who only loses scopes stays connected"
    assert told({"resources": {"repo": ["web"]}}) == ([], (), ("repo/docs",))
    assert told({"keys": []})[0] == ["revoked: key no longer valid"]
    assert told({"enabled": False}) == (["revoked: peer disabled"], ("a", "b"), ("repo/web", "repo/docs"))
    assert told(None)[0] == ["revoked: peer removed"]
    assert told({"peer_id": "c2"})[0] == ["revoked: peer removed"]
    selectors.Connection.objects.update(fingerprint=f"SHA256:{7:064x}")
    assert told({"scopes": []})[0] == [], "it came by its certificate's other name"
    assert AuditEntry.objects.count() == before


def test_a_refusal_leads_to_the_tester_filled_in(db: None) -> None:
    viewer = add_user(Role.VIEWER)
    denied = Event(
        kind="denied",
        peer_id="ci",
        alpn="alknet/call",
        detail={"message": "missing required scope: fs:read; locked"},
    )
    assert why_not_url(denied, viewer) == "/access/?who=ci&alpn=alknet%2Fcall&scopes=fs%3Aread"
    assert why_not_url(Event(kind="refused", fingerprint="ed25519:1", detail=[]), viewer) == "/access/?who=ed25519%3A1"
    assert why_not_url(Event(kind="connected", peer_id="ci"), viewer) == ""
    assert why_not_url(denied, add_user(None, "nobody")) == ""
