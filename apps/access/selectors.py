"""What the node would say at this moment, by the rows that it reads (node.core.explain)."""

import time
from collections.abc import Iterable, Sequence

from django.db.models import QuerySet

from apps.access.errors import Absent
from apps.access.models import Assertion, Grant
from apps.locks import selectors as locks
from apps.peers import selectors as peers
from node.core import grants as core
from node.core.explain import Explanation, Question, Subject, SubjectKind, explain
from node.core.index import PeerIndex, build_index
from node.core.locks import NOTHING_HELD, Held, Lock, LockIndex
from node.core.peers import ApiKeyEntry, PeerEntry


def check(question: Question, besides: Sequence[core.Grant] = ()) -> Explanation:
    """The answer, with its reasons. It reads the few rows that can matter, and writes nothing.

    `besides` are grants that nobody has given yet.
    """
    now = time.time()
    return explain(question, index_of(question.subject, now, besides), held(now), now)


def check_without_locks(question: Question, grants: Iterable[core.Grant] = ()) -> Explanation:
    """What the rows alone give: aside are locks and ends, which come and go by the clock, and all grants but these."""
    index = build_index(*_rows(question.subject), grants=grants)
    return explain(question, index, NOTHING_HELD, time.time())


def list_assertions() -> list[Assertion]:
    """All of them, by whom they are about."""
    return list(Assertion.objects.all())


def page_of_assertions(*, after: str | None = None, limit: int) -> list[Assertion]:
    """A part of all in the order of their ids: those after `after`."""
    rows = Assertion.objects.order_by("id")
    return list((rows if after is None else rows.filter(pk__gt=after))[:limit])


def list_grants() -> list[Grant]:
    """All of them, also those that have come to their end; the newest first."""
    return list(Grant.objects.all())


def grants_of(peer_ids: Sequence[str]) -> list[core.Grant]:
    """Those of these few peers, as the node reads them."""
    return [row.core() for row in Grant.objects.filter(peer_id__in=peer_ids)]


def grants_in_force(peer_id: str | None = None) -> QuerySet[Grant]:
    """The rows of one peer, or of all, that have not come to their end."""
    rows = Grant.objects.filter(expires_at__gt=time.time())
    return rows if peer_id is None else rows.filter(peer_id=peer_id)


def ended_grants() -> QuerySet[Grant]:
    return Grant.objects.filter(expires_at__lte=time.time())


def get_grant(grant_id: str) -> Grant:
    """Raises Absent."""
    if (row := Grant.objects.filter(pk=grant_id).first()) is None:
        raise Absent(grant_id, "grant")
    return row


def page_of_grants(
    *, peer_id: str | None = None, holds: bool | None = None, after: str | None = None, limit: int
) -> list[Grant]:
    """A part of all in the order of their ids: those after `after`."""
    rows = Grant.objects.all() if holds is None else grants_in_force() if holds else ended_grants()
    rows = rows if peer_id is None else rows.filter(peer_id=peer_id)
    return list((rows if after is None else rows.filter(pk__gt=after)).order_by("id")[:limit])


def held(now: float) -> Held:
    """What is locked at this moment."""
    found = (Lock(one.lock_id, one.kind, one.target, one.message, one.expires_at) for one in locks.list_locks())
    return LockIndex({lock.lock_id: lock for lock in found}).held(now)


def index_of(subject: Subject, now: float, besides: Sequence[core.Grant] = ()) -> PeerIndex:
    """The part of the node's index that this subject is judged by at this moment, with grants `besides` the stored."""
    entries, keys = _rows(subject)
    names = [entry.peer_id for entry in entries]
    if not names:
        return build_index((), keys)
    return build_index(entries, keys, 0, peers.list_terms(names), now, [*grants_of(names), *besides])


def _rows(subject: Subject) -> tuple[list[PeerEntry], list[ApiKeyEntry]]:
    """The subject's own rows, and those that claim its keys."""
    if subject.kind is SubjectKind.API_KEY:
        return [], peers.find_api_keys([subject.name])
    if subject.kind is SubjectKind.KEY:
        return peers.peers_with_keys([subject.name]), []
    entry = peers.find_peer(subject.name) if subject.kind is SubjectKind.PEER else None
    return ([] if entry is None else _claimants(entry)), []


def _claimants(entry: PeerEntry) -> list[PeerEntry]:
    others = [other for other in peers.peers_with_keys(entry.fingerprints) if other.peer_id != entry.peer_id]
    return [entry, *others]
