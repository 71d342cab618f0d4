"""Ends of peers and keys, and notes: what the services store beside a peer, and that it goes where the peer goes."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from apps.audit.models import AuditEntry
from apps.peers import selectors, services
from apps.peers.digests import state_digest
from apps.peers.models import PeerNote, PeerTerm
from apps.peers.terms import NO_TERMS, PeerTerms
from node.core.peers import InvalidPeer, PeerEntry
from tests.support.panel import ALICE, audit, draft, fingerprint, ssh_line

AddPeer = Callable[..., PeerEntry]
FAR = 4_000_000_000.0
KEY, NEW = fingerprint(1), fingerprint(2)

pytestmark = pytest.mark.django_db


def stored() -> list[tuple[str, str, float]]:
    return sorted(PeerTerm.objects.values_list("peer_id", "fingerprint", "expires_at"))


def terms(peer_id: str) -> PeerTerms:
    return selectors.get_state(peer_id).terms


@pytest.fixture
def ann(add_peer: AddPeer) -> str:
    add_peer("ann", keys=[KEY])
    services.set_peer_expiry(actor=ALICE, peer_id="ann", expires_at=FAR)
    services.set_key_expiry(actor=ALICE, peer_id="ann", key=ssh_line(1), expires_at=FAR + 1)
    services.set_peer_notes(actor=ALICE, peer_id="ann", notes="Leaves in spring.\r\nAsk Bob.")
    return "ann"


def test_each_end_and_the_notes_are_stored_with_one_audit_row(ann: str) -> None:
    assert stored() == [("ann", "", FAR), ("ann", KEY, FAR + 1)]
    assert terms(ann) == PeerTerms(FAR, {KEY: FAR + 1}, "Leaves in spring.\nAsk Bob.")
    actions = ["peer.added", "peer.expiry_set", "peer.key_expiry_set", "peer.noted"]
    assert [row[1] for row in audit()] == actions
    last = AuditEntry.objects.get(action="peer.noted")
    assert "notes" not in last.before
    assert last.after["notes"] == "Leaves in spring.\nAsk Bob."
    assert (last.after["expires_at"], last.after["key_expires_at"]) == (FAR, {KEY: FAR + 1})


def test_what_is_so_already_leaves_no_trace(ann: str) -> None:
    before = len(audit())
    services.set_peer_expiry(actor=ALICE, peer_id=ann, expires_at=FAR)
    services.set_peer_notes(actor=ALICE, peer_id=ann, notes="Leaves in spring.\nAsk Bob. ")
    assert len(audit()) == before


def test_all_of_it_can_be_taken_away(ann: str) -> None:
    services.set_peer_expiry(actor=ALICE, peer_id=ann, expires_at=None)
    services.set_key_expiry(actor=ALICE, peer_id=ann, key=KEY, expires_at=None)
    services.set_peer_notes(actor=ALICE, peer_id=ann, notes="")
    assert terms(ann) == NO_TERMS
    assert (stored(), PeerNote.objects.count()) == ([], 0)


def test_a_rename_and_its_undoing_take_everything_along(ann: str) -> None:
    before = terms(ann)
    services.update_peer(actor=ALICE, peer_id=ann, changes={"peer_id": "anna"})
    assert terms("anna") == before
    assert {row[0] for row in stored()} == {"anna"}
    services.update_peer(actor=ALICE, peer_id="anna", changes={"peer_id": "ann"})
    assert terms("ann") == before


def test_a_removed_peer_leaves_nothing_to_a_namesake(ann: str, add_peer: AddPeer) -> None:
    services.remove_peers(actor=ALICE, peer_ids=[ann])
    assert (stored(), PeerNote.objects.count()) == ([], 0)
    assert AuditEntry.objects.get(action="peer.removed").before["expires_at"] == FAR
    PeerTerm.objects.create(id=" ann", peer_id="ann", expires_at=1.0)  # behind our back
    add_peer("ann")
    assert terms("ann") == NO_TERMS


def test_a_rename_inherits_nothing_from_whoever_had_the_name(ann: str, add_peer: AddPeer) -> None:
    add_peer("bob")
    PeerTerm.objects.create(id=" carl", peer_id="carl", expires_at=1.0)
    services.update_peer(actor=ALICE, peer_id="bob", changes={"peer_id": "carl"})
    assert terms("carl") == NO_TERMS


def test_a_draft_that_does_not_know_of_ends_keeps_them(ann: str) -> None:
    services.put_peer(actor=ALICE, draft=draft("ann", keys=[KEY], scopes=["x"]))
    assert terms(ann) == PeerTerms(FAR, {KEY: FAR + 1}, "Leaves in spring.\nAsk Bob.")
    services.put_peer(actor=ALICE, draft=draft("ann", keys=[KEY], expires_at=None))
    assert terms(ann).expires_at is None


def test_a_draft_sets_everything_in_one_change() -> None:
    wish = draft("bob", keys=[ssh_line(1)], expires_at=5, key_expires_at={ssh_line(1): FAR}, notes="new")
    services.create_peer(actor=ALICE, draft=wish)
    assert terms("bob") == PeerTerms(5.0, {KEY: FAR}, "new")
    assert [row[1] for row in audit()] == ["peer.added"]
    state = selectors.get_state("bob")
    services.put_peer(actor=ALICE, draft=state.draft())
    assert selectors.get_state("bob") == state
    assert len(audit()) == 1


def test_a_key_that_moves_to_another_peer_leaves_its_end_behind(ann: str, add_peer: AddPeer) -> None:
    add_peer("bob")
    services.update_peer(actor=ALICE, peer_id=ann, changes={"keys": []})
    services.update_peer(actor=ALICE, peer_id="bob", changes={"keys": [KEY]})
    assert stored() == [("ann", "", FAR)]
    services.update_peer(actor=ALICE, peer_id="bob", changes={"keys": []})
    services.update_peer(actor=ALICE, peer_id=ann, changes={"keys": [KEY]})
    assert terms(ann).key_expires_at == {}


def test_a_rotation_lets_the_old_key_hold_for_a_while(ann: str) -> None:
    before = time.time()
    services.rotate_key(actor=ALICE, peer_id=ann, old=ssh_line(1), new=ssh_line(2), overlap_seconds=3600)
    state = selectors.get_state(ann)
    assert state.entry.fingerprints == (KEY, NEW)
    assert 3600 <= state.terms.key_expires_at[KEY] - before < 3700
    assert audit()[-1] == ("alice", "peer.key_rotated", "ann")


def test_a_rotation_without_an_overlap_drops_the_old_key_at_once(ann: str) -> None:
    services.rotate_key(actor=ALICE, peer_id=ann, old=KEY, new=NEW, overlap_seconds=0)
    state = selectors.get_state(ann)
    assert (state.entry.fingerprints, state.terms.key_expires_at) == ((NEW,), {})


def test_the_next_rotation_takes_what_has_ended_away_and_no_more(ann: str) -> None:
    services.update_peer(actor=ALICE, peer_id=ann, changes={"key_expires_at": {KEY: 5}})
    keys = [KEY, NEW, fingerprint(3)]
    services.update_peer(actor=ALICE, peer_id=ann, changes={"keys": keys})
    services.set_key_expiry(actor=ALICE, peer_id=ann, key=keys[2], expires_at=FAR)
    services.rotate_key(actor=ALICE, peer_id=ann, old=NEW, new=fingerprint(4), overlap_seconds=60)
    state = selectors.get_state(ann)
    assert state.entry.fingerprints == (NEW, fingerprint(3), fingerprint(4))
    assert state.terms.key_expires_at.keys() == {NEW, fingerprint(3)}


def test_an_ended_key_can_come_back_by_a_rotation(ann: str) -> None:
    services.update_peer(actor=ALICE, peer_id=ann, changes={"keys": [KEY, NEW], "key_expires_at": {KEY: 5}})
    services.rotate_key(actor=ALICE, peer_id=ann, old=NEW, new=KEY, overlap_seconds=60)
    state = selectors.get_state(ann)
    assert state.entry.fingerprints == (NEW, KEY)
    assert state.terms.key_expires_at.keys() == {NEW}


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"old": NEW}, "old"),
        ({"old": "no key"}, "old"),
        ({"new": "no key"}, "new"),
        ({"new": KEY}, "new"),
        ({"new": fingerprint(9)}, "new"),
        ({"overlap_seconds": -1.0}, "overlap"),
        ({"overlap_seconds": float("nan")}, "overlap"),
        ({"overlap_seconds": 1e9}, "overlap"),
    ],
)
def test_a_rotation_that_cannot_be_is_refused_by_its_field(
    ann: str, add_peer: AddPeer, wish: dict[str, Any], field: str
) -> None:
    add_peer("bob", keys=[fingerprint(9)])
    before = selectors.get_state(ann)
    with pytest.raises(InvalidPeer) as refused:
        services.rotate_key(actor=ALICE, peer_id=ann, **{"old": KEY, "new": NEW, "overlap_seconds": 60.0} | wish)
    assert refused.value.errors.keys() == {field}
    assert selectors.get_state(ann) == before


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"expires_at": "soon"}, "expires_at"),
        ({"expires_at": float("inf")}, "expires_at"),
        ({"expires_at": 10**12}, "expires_at"),
        ({"key_expires_at": [KEY]}, "key_expires_at"),
        ({"key_expires_at": {NEW: 5}}, "key_expires_at"),
        ({"key_expires_at": {KEY: "soon"}}, "key_expires_at"),
        ({"key_expires_at": {"no key": 5}}, "key_expires_at"),
        ({"notes": "a\x00b"}, "notes"),
        ({"notes": "x" * 4001}, "notes"),
        ({"notes": 5}, "notes"),
    ],
)
def test_what_is_wrong_is_refused_by_its_field(ann: str, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidPeer) as refused:
        services.update_peer(actor=ALICE, peer_id=ann, changes=changes)
    assert refused.value.errors.keys() == {field}


def test_what_is_wrong_beside_a_peer_is_told_with_what_is_wrong_in_it() -> None:
    with pytest.raises(InvalidPeer) as refused:
        services.create_peer(actor=ALICE, draft=draft("bob", scopes=["two words"], expires_at="soon"))
    assert refused.value.errors.keys() == {"scopes", "expires_at"}


def test_the_database_refuses_a_second_row_about_the_same(ann: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        PeerTerm.objects.create(id="another", peer_id="ann", expires_at=5.0)


def test_switching_peers_off_keeps_their_ends(ann: str) -> None:
    before = terms(ann)
    services.set_peers_enabled(actor=ALICE, peer_ids=[ann], enabled=False)
    assert terms(ann) == before
    assert AuditEntry.objects.get(action="peer.disabled").after["expires_at"] == FAR


def test_a_page_of_another_state_is_told_apart(ann: str) -> None:
    digests = {state_digest(selectors.get_state(ann))}
    services.set_peer_expiry(actor=ALICE, peer_id=ann, expires_at=FAR + 5)
    digests.add(state_digest(selectors.get_state(ann)))
    services.set_peer_notes(actor=ALICE, peer_id=ann, notes="other")
    digests.add(state_digest(selectors.get_state(ann)))
    assert len(digests) == 3
