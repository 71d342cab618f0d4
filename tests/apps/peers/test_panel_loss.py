"""A save that takes something away shows it first, and is done when that is agreed to; others go straight through."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from apps.access.models import Grant
from apps.access.services import grant_access
from apps.activity import selectors
from apps.activity.models import Connection
from apps.locks.models import Lock
from apps.peers import services
from apps.peers.models import Peer
from node.core.peers import PeerEntry
from tests.support.panel import ALICE, audit, fingerprint, ssh_line, text
from tests.support.peer_pages import LIST, agree, change, changelist, edited, field_errors

AddPeer = Callable[..., PeerEntry]
ASKED = "Nothing is saved yet"
KEY = fingerprint("laptop")


@pytest.fixture(autouse=True)
def _connected(add_peer: AddPeer, forget_audit: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """One peer with one open connection."""
    monkeypatch.setattr(selectors, "node_runs", lambda: True)
    add_peer("laptop", scopes=["git:read", "git:write"])
    Connection.objects.create(
        boot="b", connection=1, peer_id="laptop", fingerprint=KEY, alpn="h3", address="192.0.2.7:4", since=_now()
    )
    forget_audit()


def _now() -> datetime:
    return datetime.now(UTC)


def typed(**fields: Any) -> dict[str, Any]:
    return edited("laptop", **{"keys": KEY, "scopes": "git:read\ngit:write"} | fields)


def test_what_only_adds_is_saved_at_once(panel: Client) -> None:
    panel.post(change("laptop"), typed(scopes="git:read\ngit:write\nmore", keys=f"{KEY}\n{ssh_line(2)}"))
    assert audit() == [("admin", "peer.changed", "laptop")]


def test_scopes_that_go_are_listed_and_go_when_that_is_agreed_to(panel: Client) -> None:
    answer = panel.post(change("laptop"), typed(scopes="git:read"))
    page = answer.content.decode()
    assert ASKED in field_errors(answer)["__all__"][0]
    assert "Please correct" not in page
    assert "<li>Scope git:write</li>" in page
    assert "No open connection closes" in page
    assert audit() == []

    agree(panel, change("laptop"), typed(scopes="git:read"))
    assert Peer.objects.get().scopes == ["git:read"]
    assert audit() == [("admin", "peer.changed", "laptop")]


def test_connections_that_close_are_listed_with_their_reason(panel: Client) -> None:
    page = panel.post(change("laptop"), typed(enabled=None)).content.decode()
    assert "<strong>1</strong> open connection will close" in page
    assert "from 192.0.2.7:4" in page
    assert "revoked: peer disabled" in page
    assert "the peer is disabled" in page
    assert ">set<" not in page, "it has no token"


def test_an_agreement_is_to_what_was_shown(panel: Client) -> None:
    """Neither to another loss, nor of a peer that was changed since."""
    page = panel.post(change("laptop"), typed(scopes="git:read"))
    agreed = page.context["adminform"].form.agreed
    told = panel.post(change("laptop"), typed(scopes="", agreed=agreed))
    assert ASKED in field_errors(told)["__all__"][0]

    stale = typed(scopes="git:read", agreed=agreed)
    services.set_peer_notes(actor=ALICE, peer_id="laptop", notes="the one in the lab")
    told = panel.post(change("laptop"), stale)
    assert "changed meanwhile" in field_errors(told)["__all__"][0]
    fresh = panel.post(change("laptop"), typed(scopes="git:read", notes="the one in the lab", agreed=agreed))
    assert ASKED in field_errors(fresh)["__all__"][0]
    assert Peer.objects.get().scopes == ["git:read", "git:write"]


def test_a_nearer_end_is_asked_about_where_somebody_is_connected(panel: Client) -> None:
    end = _now() + timedelta(days=2)
    moment = {"expires_at_0": f"{end:%Y-%m-%d}", "expires_at_1": f"{end:%H:%M:%S}"}
    page = panel.post(change("laptop"), typed(**moment)).content.decode()
    assert f"expired: peer, at {end:%Y-%m-%d %H:%M} UTC" in page
    Connection.objects.all().delete()
    panel.post(change("laptop"), typed(**moment))
    assert [act for _, act, _ in audit()] == ["peer.expiry_set"]


@pytest.mark.parametrize(("overlap", "reason"), [("0", "revoked: key no longer valid"), ("3600", "expired: key, at")])
def test_a_rotation_tells_when_the_old_key_closes_what(panel: Client, overlap: str, reason: str) -> None:
    sent = {"old": KEY, "new": ssh_line(2), "overlap": overlap}
    assert reason in panel.post("/peers/peer/laptop/rotate-key/", sent).content.decode()
    assert audit() == []
    agree(panel, "/peers/peer/laptop/rotate-key/", sent)
    assert [act for _, act, _ in audit()] == ["peer.key_rotated"]


def test_a_switch_of_the_list_asks_as_the_form_does(panel: Client, add_peer: AddPeer) -> None:
    add_peer("other")
    off, on = Peer.objects.get(pk="laptop"), Peer.objects.get(pk="other")
    answer = panel.post(LIST, changelist(off, on, enabled=False))
    assert "revoked: peer disabled" in answer.content.decode()
    assert Peer.objects.filter(enabled=False).count() == 0
    agree(panel, LIST, changelist(off, on, enabled=False))
    assert not Peer.objects.get(pk="laptop").enabled
    panel.post(LIST, changelist(on, Peer.objects.get(pk="laptop"), enabled=False))
    assert not Peer.objects.get(pk="other").enabled, "nobody was connected by it"


def test_removal_shows_what_goes_and_holds_to_it(panel: Client) -> None:
    path = "/peers/peer/laptop/delete/"
    page = text(panel, path)
    assert "revoked: peer removed" in page
    assert "<li>Scope git:write</li>" in page
    old = panel.get(path).context["agreed"]
    services.update_peer(actor=ALICE, peer_id="laptop", changes={"scopes": ["admin"]})
    told = panel.post(path, {"post": "yes", "agreed": old}, follow=True).content.decode()
    assert "Nothing was deleted" in told
    assert "<li>Scope admin</li>" in told
    panel.post(path, {"post": "yes", "agreed": panel.get(path).context["agreed"]})
    assert not Peer.objects.exists()


def test_grants_are_counted_and_go_with_their_peer_before_ones_eyes(panel: Client) -> None:
    wish = {"peer_id": "laptop", "expires_at": time.time() + 3600}
    grant_access(actor=ALICE, scopes=["admin"], resource_type="repo", resource="web", **wish)
    Grant.objects.create(scopes=["git:write"], **wish)  # given before the peer had it of its own
    panel.post(change("laptop"), typed(scopes="git:read"))
    assert Peer.objects.get().scopes == ["git:read"], "the grant keeps it: nothing is lost"
    page = panel.post(change("laptop"), typed(scopes="git:read", enabled=None)).content.decode()
    for name in ("Scope git:read", "Scope git:write", "Scope admin", "Resource repo/web"):
        assert f"<li>{name}</li>" in page, "a disabled peer gets nothing by grants"
    assert "<li>Grant" not in page, "but they stay"
    page = text(panel, "/peers/peer/laptop/delete/")
    assert "<li>Grant admin and repo/web, until 2" in page
    assert "<li>Grant git:write, until 2" in page


def test_a_lock_asks_where_it_closes_connections(panel: Client, add_peer: AddPeer) -> None:
    lock = {"target_kind": "peer", "target": "laptop", "lasts": "", "message": "call us"}
    assert "locked: call us" in panel.post("/locks/lock/add/", lock).content.decode()
    assert not Lock.objects.exists()
    agree(panel, "/locks/lock/add/", lock)
    add_peer("other")
    panel.post("/locks/lock/add/", lock | {"target": "other"})
    assert Lock.objects.count() == 2
    assert "<strong>1</strong> open connection will close" in text(panel, "/locks/lock/everything/")


def test_while_the_node_is_down_the_page_says_so_and_saves(panel: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selectors, "node_runs", lambda: False)
    page = panel.post(change("laptop"), typed(enabled=None)).content.decode()
    assert "which connections are open is not known" in page
    agree(panel, change("laptop"), typed(enabled=None))
    assert audit() == [("admin", "peer.disabled", "laptop")]
