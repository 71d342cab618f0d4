"""Writes of the tables `peer_terms` and `peer_notes`: what stands beside a peer follows it through every change."""

from collections.abc import Collection, Iterator, Sequence

from apps.peers.models import PeerNote, PeerTerm
from apps.peers.services.batches import SIZE, batches
from apps.peers.terms import NO_TERMS, PeerState, PeerTerms
from node.core.terms import WHOLE_PEER, term_id


def store_beside(old: PeerState | None, new: PeerState) -> None:
    """Make the rows beside a peer what `new` says. Inside the caller's transaction.

    Whoever had that name before was another: a new peer, and a new name, begin with nothing.
    """
    if old is None or old.peer_id != new.peer_id:
        forget([state.peer_id for state in (old, new) if state is not None])
        old = None
    if (old.terms if old else NO_TERMS) != new.terms:
        _store(old.terms if old else NO_TERMS, new)


def forget(peer_ids: Sequence[str]) -> None:
    """Remove all rows beside these peers."""
    for batch in batches(peer_ids):
        PeerTerm.objects.filter(peer_id__in=batch).delete()
        PeerNote.objects.filter(pk__in=batch).delete()


def forget_keys(peer_id: str, fingerprints: Collection[str]) -> None:
    """Remove the ends of keys that a peer has no more."""
    if fingerprints:
        PeerTerm.objects.filter(pk__in=[term_id(peer_id, name) for name in fingerprints]).delete()


def _store(old: PeerTerms, new: PeerState) -> None:
    rows = list(_rows(new))
    PeerTerm.objects.filter(peer_id=new.peer_id).exclude(pk__in=[row.pk for row in rows]).delete()
    PeerTerm.objects.bulk_create(
        rows, batch_size=SIZE, update_conflicts=True, unique_fields=["id"], update_fields=["expires_at"]
    )
    if old.notes == new.terms.notes:
        return
    if new.terms.notes:
        PeerNote.objects.update_or_create(peer_id=new.peer_id, defaults={"text": new.terms.notes})
    else:
        PeerNote.objects.filter(pk=new.peer_id).delete()


def _rows(state: PeerState) -> Iterator[PeerTerm]:
    whole = {} if state.terms.expires_at is None else {WHOLE_PEER: state.terms.expires_at}
    for fingerprint, end in {**whole, **state.terms.key_expires_at}.items():
        name = term_id(state.peer_id, fingerprint)
        yield PeerTerm(id=name, peer_id=state.peer_id, fingerprint=fingerprint, expires_at=end)
