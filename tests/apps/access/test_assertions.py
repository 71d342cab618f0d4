"""What must go on being so, against every door through which it could end."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.access import services
from apps.access.errors import AssertionBroken
from apps.access.models import Assertion
from apps.access.questions import InvalidQuestion
from apps.audit.models import AuditEntry
from apps.locks import services as locks
from apps.peers import selectors
from apps.peers import services as peers
from apps.peers.digests import states_digest
from apps.peers.portable.rows import Row
from node.core.peers import PeerEntry
from tests.support.panel import ALICE, draft

AddPeer = Callable[..., PeerEntry]
SENTENCE = "ci must keep git:read on repo web"


@pytest.fixture
def ci(add_peer: AddPeer) -> PeerEntry:
    return add_peer("ci", scopes=["git:read", "x"], resources={"repo": ["web"]})


@pytest.fixture
def asserted(ci: PeerEntry) -> Assertion:
    row = services.add_assertion(
        actor=ALICE, who="ci", scopes=["git:read"], resource_type="repo", resource="web", reason="builds"
    )
    assert str(row) == SENTENCE
    return row


BREAKING: dict[str, Callable[[], Any]] = {
    "update": lambda: peers.update_peer(actor=ALICE, peer_id="ci", changes={"scopes": ["x"]}),
    "resources": lambda: peers.update_peer(actor=ALICE, peer_id="ci", changes={"resources": {"repo": ["docs"]}}),
    "keys": lambda: peers.update_peer(actor=ALICE, peer_id="ci", changes={"keys": []}),
    "replace": lambda: peers.put_peer(actor=ALICE, draft=draft("ci")),
    "rename": lambda: peers.update_peer(actor=ALICE, peer_id="ci", changes={"peer_id": "c2", "scopes": []}),
    "disable": lambda: peers.set_peers_enabled(actor=ALICE, peer_ids=["other", "ci"], enabled=False),
    "remove": lambda: peers.remove_peers(actor=ALICE, peer_ids=["other", "ci"]),
    "import": lambda: peers.import_peers(actor=ALICE, rows=[Row("row 2", draft("new"))], replace=True),
}


@pytest.mark.parametrize("name", BREAKING)
def test_what_breaks_one_is_refused_whole(asserted: Assertion, add_peer: AddPeer, name: str) -> None:
    add_peer("other")
    before = selectors.list_peers(), AuditEntry.objects.count()
    with pytest.raises(AssertionBroken, match="It is asserted that ci must keep git:read on repo web, and "):
        BREAKING[name]()
    assert (selectors.list_peers(), AuditEntry.objects.count()) == before


def test_what_breaks_none_goes_on(asserted: Assertion, add_peer: AddPeer) -> None:
    add_peer("other")
    peers.remove_peers(actor=ALICE, peer_ids=["other"])
    locks.lock(actor=ALICE, target_kind="peer", target="ci", reason="an emergency")
    peers.update_peer(actor=ALICE, peer_id="ci", changes={"scopes": ["git:read"]})
    peers.update_peer(actor=ALICE, peer_id="ci", changes={"peer_id": "c2"})
    assert str(Assertion.objects.get()) == SENTENCE.replace("ci", "c2")
    with pytest.raises(AssertionBroken):
        peers.remove_peers(actor=ALICE, peer_ids=["c2"])
    services.remove_assertions(actor=ALICE, ids=[asserted.pk])
    peers.remove_peers(actor=ALICE, peer_ids=["c2"])


def test_what_nobody_may_get(ci: PeerEntry) -> None:
    services.add_assertion(actor=ALICE, who="guest", scopes=["admin"], allowed=False)
    with pytest.raises(AssertionBroken, match="guest must not have admin"):
        peers.create_peer(actor=ALICE, draft=draft("guest", scopes=["admin"]))
    peers.create_peer(actor=ALICE, draft=draft("guest"))
    key = peers.create_api_key(actor=ALICE, description="", scopes=["a"], expires_at=None).entry.prefix
    services.add_assertion(actor=ALICE, who=key, scopes=["a"])
    with pytest.raises(AssertionBroken):
        peers.remove_api_keys(actor=ALICE, prefixes=[key])


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"who": "ci", "scopes": ["admin"]}, "who"),
        ({"who": "ci"}, "scopes"),
        ({"who": "", "scopes": ["x"], "allowed": False}, "who"),
        ({"who": "ci", "scopes": ["a b"]}, "scopes"),
        ({"who": "ci", "scopes": ["x"], "reason": "two\nlines"}, "reason"),
    ],
)
def test_an_assertion_has_to_hold_and_to_say_something(ci: PeerEntry, wish: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidQuestion) as refused:
        services.add_assertion(actor=ALICE, **wish)
    assert field in refused.value.errors
    assert not Assertion.objects.exists()


def test_the_panel_adds_lists_and_removes_them_and_says_what_is_in_the_way(panel: Client, ci: PeerEntry) -> None:
    wish = {"who": "ci", "verb": "must", "scopes": "git:read", "resource_type": "repo", "resource": "web"}
    assert "This does not hold now" in panel.post("/access/assertion/add/", wish | {"scopes": "a"}).content.decode()
    panel.post("/access/assertion/add/", wish)
    row = Assertion.objects.get()
    shown = panel.get("/access/assertion/").content.decode()
    assert SENTENCE in shown
    assert "holds" in shown
    assert SENTENCE in panel.get(f"/access/assertion/{row.pk}/change/").content.decode()
    shown = states_digest(selectors.get_states(["ci"]))
    for path, body in (
        ("/peers/peer/ci/delete/", {"post": "yes"}),
        (
            "/peers/peer/",
            {"action": "disable_peers", "_selected_action": "ci", "post": "yes", "digest": shown},
        ),
    ):
        told = panel.post(path, body, follow=True)
        assert SENTENCE in told.content.decode(), path
    assert selectors.get_peer("ci").enabled
    panel.post(f"/access/assertion/{row.pk}/delete/", {"post": "yes"})
    assert not Assertion.objects.exists()
