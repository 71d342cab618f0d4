"""What the node would say at this moment, by the rows that it reads (node.core.explain)."""

import time

from apps.access.models import Assertion
from apps.locks import selectors as locks
from apps.peers import selectors as peers
from node.core.explain import Explanation, Question, Subject, SubjectKind, explain
from node.core.index import PeerIndex, build_index
from node.core.locks import NOTHING_HELD, Held, Lock, LockIndex
from node.core.peers import PeerEntry


def check(question: Question) -> Explanation:
    """The answer, with its reasons. It reads the few rows that can matter, and writes nothing."""
    now = time.time()
    return explain(question, _index(question.subject, now), held(now), now)


def check_without_locks(question: Question) -> Explanation:
    """What the rows alone give: aside are locks and ends, which come and go by the clock."""
    return explain(question, _index(question.subject, None), NOTHING_HELD, time.time())


def list_assertions() -> list[Assertion]:
    """All of them, by whom they are about."""
    return list(Assertion.objects.all())


def page_of_assertions(*, after: str | None = None, limit: int) -> list[Assertion]:
    """A part of all in the order of their ids: those after `after`."""
    rows = Assertion.objects.order_by("id")
    return list((rows if after is None else rows.filter(pk__gt=after))[:limit])


def held(now: float) -> Held:
    """What is locked at this moment."""
    found = (Lock(one.lock_id, one.kind, one.target, one.message, one.expires_at) for one in locks.list_locks())
    return LockIndex({lock.lock_id: lock for lock in found}).held(now)


def _index(subject: Subject, now: float | None) -> PeerIndex:
    """The part of the node's index that this subject is judged by: its own rows, and those that claim its keys."""
    if subject.kind is SubjectKind.API_KEY:
        return build_index((), peers.find_api_keys([subject.name]))
    if subject.kind is SubjectKind.KEY:
        return _of(peers.peers_with_keys([subject.name]), now)
    entry = peers.find_peer(subject.name) if subject.kind is SubjectKind.PEER else None
    return _of([] if entry is None else _claimants(entry), now)


def _of(entries: list[PeerEntry], now: float | None) -> PeerIndex:
    """These peers with their ends, as the node judges them at this moment; without a moment, without ends."""
    terms = [] if now is None else peers.list_terms([entry.peer_id for entry in entries])
    return build_index(entries, (), 0, terms, now)


def _claimants(entry: PeerEntry) -> list[PeerEntry]:
    others = [other for other in peers.peers_with_keys(entry.fingerprints) if other.peer_id != entry.peer_id]
    return [entry, *others]
