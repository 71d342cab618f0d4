"""Acts on many peers: a page that tells what will happen, and then just that, once."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from apps.access.models import Grant
from apps.access.services import add_assertion
from apps.accounts.rights import Role
from apps.activity.models import Connection
from apps.locks.models import Lock
from apps.locks.selectors import locked_targets
from apps.peers import services
from apps.peers.models import Peer
from node.core.peers import MAX_SCOPES, PeerEntry
from tests.support.accounts import desk_of
from tests.support.panel import ALICE, audit, rows
from tests.support.vault_node import VaultNode

AddPeer = Callable[..., PeerEntry]
LIST = "/peers/peer/"


@pytest.fixture(autouse=True)
def _peers(add_peer: AddPeer, forget_audit: Callable[[], None]) -> None:
    for name in ("a", "b", "c"):
        add_peer(name, enabled=name != "c", scopes=["x", name])
    forget_audit()


def choose(panel: Client, action: str, *names: str, query: str = "", **fields: Any) -> HttpResponse:
    """What the list sends, or the page after it."""
    return panel.post(LIST + query, {"action": action, "_selected_action": names, **fields})


def confirm(panel: Client, action: str, *names: str, query: str = "", **fields: Any) -> HttpResponse:
    """Look at the page, and press its button."""
    page = choose(panel, action, *names, query=query, index="0", **fields).content.decode()
    digest = re.search(r'name="digest" value="(\w+)"', page)
    assert digest is not None
    return choose(panel, action, *names, query=query, digest=digest[1], post="yes", **fields)


def connect(peer_id: str, number: int) -> None:
    Connection.objects.create(
        boot="b", connection=number, peer_id=peer_id, alpn="h3", address="192.0.2.7:4", since=datetime.now(UTC)
    )


def test_while_the_node_is_down_nothing_closes(panel: Client) -> None:
    """First: the others share a node."""
    connect("a", 1)
    assert choose(panel, "disable_peers", "a", index="0").context["plan"].closing.total == 0


def test_the_page_tells_and_changes_nothing(panel: Client, node: VaultNode) -> None:
    connect("a", 1)
    connect("c", 2)
    connect("a", 3)
    before = rows()
    answer = choose(panel, "disable_peers", "a", "b", "c", index="0")

    plan, page = answer.context["plan"], answer.content.decode()
    assert (plan.changing, plan.same) == (("a", "b"), 1)
    assert [(one.peer_id, one.connection) for one in plan.closing.shown] == [("a", 3), ("a", 1)], "c is off already"
    assert "Disable 3 peers?" in page
    assert "2</strong> open connections will close" in page
    assert (rows(), audit()) == (before, [])


def test_disabling_and_enabling(panel: Client) -> None:
    confirm(panel, "disable_peers", "a", "b", "c")
    assert [peer.enabled for peer in Peer.objects.all()] == [False, False, False]
    confirm(panel, "enable_peers", "c")
    assert [peer.enabled for peer in Peer.objects.all()] == [False, False, True]
    assert audit() == [
        ("admin", f"peer.{act}", name) for act, name in (("disabled", "a"), ("disabled", "b"), ("enabled", "c"))
    ]


def test_deleting_all_that_match(panel: Client) -> None:
    confirm(panel, "delete_selected", "a", query="?q=x&enabled__exact=1", select_across="1")
    assert list(rows()) == ["c"]
    assert audit() == [("admin", "peer.removed", "a"), ("admin", "peer.removed", "b")]


def test_a_selection_that_has_changed_is_shown_again(panel: Client, add_peer: AddPeer) -> None:
    page = choose(panel, "delete_selected", "a", index="0", select_across="1").content.decode()
    digest = re.search(r'name="digest" value="(\w+)"', page)
    assert digest is not None
    add_peer("d")
    answer = choose(panel, "delete_selected", "a", select_across="1", post="yes", digest=digest[1])

    assert "selection is another by now" in answer.content.decode()
    assert len(rows()) == 4


def test_a_peer_that_was_changed_meanwhile_is_shown_again(panel: Client, forget_audit: Callable[[], None]) -> None:
    page = choose(panel, "disable_peers", "a", "b", index="0").content.decode()
    digest = re.search(r'name="digest" value="(\w+)"', page)
    assert digest is not None
    services.set_peer_notes(actor=ALICE, peer_id="b", notes="do not touch")
    forget_audit()
    answer = choose(panel, "disable_peers", "a", "b", post="yes", digest=digest[1])

    assert "or a peer of it" in answer.content.decode()
    assert audit() == []


def test_adding_and_removing_scopes(panel: Client) -> None:
    confirm(panel, "add_scopes", "a", "b", scopes="x, new")
    confirm(panel, "remove_scopes", "a", "b", "c", scopes="x\nc")
    assert {peer.pk: peer.scopes for peer in Peer.objects.all()} == {"a": ["a", "new"], "b": ["b", "new"], "c": []}
    assert audit() == [("admin", "peer.changed", name) for name in "ababc"]


def test_a_preview_of_scopes_names_those_that_change(panel: Client) -> None:
    answer = choose(panel, "remove_scopes", "a", "b", "c", scopes="b", preview="yes")
    assert answer.context["plan"].changing == ("b",)
    assert "Which scopes?" in choose(panel, "remove_scopes", "a", preview="yes").content.decode()
    assert audit() == []


def test_grants_are_told_where_they_go_and_where_they_give_on_what_is_taken(panel: Client) -> None:
    for name, scope in (("a", "x"), ("b", "other"), ("c", "x")):
        Grant.objects.create(peer_id=name, scopes=[scope], expires_at=time.time() + 3600)
    page = choose(panel, "remove_scopes", "a", "b", scopes="x", preview="yes").content.decode()
    assert "stay, and give such a scope all the same" in page
    assert ("<li>Grant of a: x, until 2" in page, "Grant of b" in page) == (True, False)
    page = choose(panel, "delete_selected", "a", "b", index="0").content.decode()
    assert ("These go with them" in page, "Grant of b: other, until 2" in page) == (True, True)
    assert "Grant of c" not in page


def test_scopes_that_are_too_many_change_nobody(panel: Client) -> None:
    full = [str(number) for number in range(MAX_SCOPES)]
    services.update_peer(actor=ALICE, peer_id="b", changes={"scopes": full})
    before = rows()
    answer = confirm(panel, "add_scopes", "a", "b", scopes="one-more")

    assert "b: At most" in answer.content.decode()
    assert rows() == before
    assert "a: A scope" in confirm(panel, "add_scopes", "a", scopes="a b").content.decode()


def test_what_breaks_an_assertion_is_refused_with_its_reason(panel: Client, forget_audit: Callable[[], None]) -> None:
    add_assertion(actor=ALICE, who="b", scopes=["x"])
    forget_audit()
    before = rows()
    for action, fields in (("remove_scopes", {"scopes": "x"}), ("disable_peers", {}), ("delete_selected", {})):
        page = confirm(panel, action, "a", "b", **fields).content.decode()
        assert "b may have the scope" in page or "assertion" in page.lower(), action
    assert (rows(), audit()) == (before, [])


def test_locking(panel: Client) -> None:
    confirm(panel, "lock_selected", "a", "b", reason="lost", lasts="3600")
    answer = choose(panel, "lock_selected", "a", "c", index="0")
    assert answer.context["plan"].changing == ("c",)
    confirm(panel, "lock_selected", "a", "c", lasts="")

    assert locked_targets("peer", "abc") == {"a", "b", "c"}
    assert Lock.objects.count() == 3
    assert {name for _, _, name in audit()} == {"peer a", "peer b", "peer c"}
    wrong = choose(panel, "lock_selected", "a", post="yes", lasts="date")
    assert "Until when?" in wrong.content.decode()


def test_who_may_only_look_is_offered_nothing_and_can_do_nothing(panel: Client) -> None:
    viewer, before = desk_of(Role.VIEWER), rows()
    assert "select_across" not in viewer.get(LIST).content.decode()
    for action in ("enable_peers", "disable_peers", "add_scopes", "remove_scopes", "lock_selected", "delete_selected"):
        choose(viewer, action, "a", "c", post="yes", scopes="x")
    assert (rows(), audit()) == (before, [])
