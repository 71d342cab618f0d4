"""Writes of the tables `peer_terms` and `peer_notes`: what stands beside a peer follows it through every change."""

from collections.abc import Sequence
from typing import Any

from apps.peers.models import PeerNote, PeerTerm
from apps.peers.services.batches import SIZE, batches
from apps.peers.terms import NO_TERMS, PeerState, PeerTerms, ends_of


def store_beside(old: PeerState | None, new: PeerState) -> None:
    """Make the rows beside a peer what `new` says. Inside the caller's transaction.

    Whoever had that name before was another: a new peer, and a new name, begin with nothing.
    """
    if old is None or old.peer_id != new.peer_id:
        forget([state.peer_id for state in (old, new) if state is not None])
        old = None
    store_all_beside([(old.terms if old else NO_TERMS, new)])


def store_all_beside(changes: Sequence[tuple[PeerTerms, PeerState]]) -> None:
    """The same of many peers that keep their names: what each had, and what it has now. Inside a transaction."""
    for batch in batches([(old, new) for old, new in changes if old != new.terms]):
        _store(batch)


def forget(peer_ids: Sequence[str]) -> None:
    """Remove all rows beside these peers."""
    for batch in batches(peer_ids):
        PeerTerm.objects.filter(peer_id__in=batch).delete()
        PeerNote.objects.filter(pk__in=batch).delete()


def _store(changes: Sequence[tuple[PeerTerms, PeerState]]) -> None:
    ends = (end for _, new in changes for end in ends_of(new))
    rows = [PeerTerm(end.term_id, end.peer_id, end.fingerprint, end.expires_at) for end in ends]
    kept = {row.pk for row in rows}
    had = PeerTerm.objects.filter(peer_id__in=[new.peer_id for _, new in changes]).values_list("pk", flat=True)
    for batch in batches([pk for pk in had if pk not in kept]):
        PeerTerm.objects.filter(pk__in=batch).delete()
    _put(PeerTerm, rows, "id", "expires_at")
    noted = [new for old, new in changes if old.notes != new.terms.notes]
    PeerNote.objects.filter(pk__in=[state.peer_id for state in noted if not state.terms.notes]).delete()
    notes = [PeerNote(peer_id=state.peer_id, text=state.terms.notes) for state in noted if state.terms.notes]
    _put(PeerNote, notes, "peer_id", "text")


def _put(table: type[PeerTerm] | type[PeerNote], rows: Sequence[Any], key: str, value: str) -> None:
    table.objects.bulk_create(rows, batch_size=SIZE, update_conflicts=True, unique_fields=[key], update_fields=[value])
