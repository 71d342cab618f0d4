"""An object's history is its own: through its renames, and not that of an earlier bearer of its name."""

from collections.abc import Callable

import pytest

from apps.audit.selectors import MAX_NAMES, history_of
from apps.peers import services
from node.core.peers import PeerEntry
from tests.support.panel import ALICE

AddPeer = Callable[..., PeerEntry]

pytestmark = pytest.mark.django_db


def history(peer_id: str) -> list[str]:
    """What was done to the peer, oldest first, and under which name."""
    entries = history_of("peer", peer_id, name_field="peer_id")
    return [f"{entry.action.removeprefix('peer.')} {entry.object_id}" for entry in reversed(entries)]


def rename(old: str, new: str) -> None:
    services.update_peer(actor=ALICE, peer_id=old, changes={"peer_id": new})


def test_it_goes_back_through_a_rename(add_peer: AddPeer) -> None:
    add_peer("a")
    services.set_peers_enabled(actor=ALICE, peer_ids=["a"], enabled=False)
    rename("a", "b")
    services.update_peer(actor=ALICE, peer_id="b", changes={"scopes": ["x"]})

    assert history("b") == ["added a", "disabled a", "renamed b", "changed b"]


def test_a_new_peer_of_an_old_name_has_a_history_of_its_own(add_peer: AddPeer) -> None:
    add_peer("a")
    rename("a", "b")
    add_peer("a", keys=[], scopes=["y"])
    services.remove_peers(actor=ALICE, peer_ids=["b"])
    add_peer("b", keys=[])

    assert history("a") == ["added a"]
    assert history("b") == ["added b"]


def test_it_follows_a_name_that_comes_back(add_peer: AddPeer) -> None:
    add_peer("a")
    rename("a", "b")
    add_peer("a", keys=[])
    services.remove_peers(actor=ALICE, peer_ids=["a"])
    rename("b", "a")

    assert history("a") == ["added a", "renamed b", "renamed a"]


def test_the_log_says_under_the_old_name_what_became_of_it(add_peer: AddPeer) -> None:
    add_peer("a")
    rename("a", "b")

    assert history("a")[-1] == "renamed a"


def test_however_many_names_it_is_one_query_that_the_database_takes(add_peer: AddPeer) -> None:
    add_peer("p0")
    for number in range(MAX_NAMES + 5):
        rename(f"p{number}", f"p{number + 1}")

    assert len(history(f"p{MAX_NAMES + 5}")) == MAX_NAMES
