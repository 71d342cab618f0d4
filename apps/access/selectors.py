"""What the node would say at this moment, by the rows that it reads (node.core.explain)."""

import time
from collections.abc import Iterable, Mapping, Sequence

from django.db.models import QuerySet

from apps.access.errors import Absent
from apps.access.models import Assertion, Grant
from apps.locks import selectors as locks
from apps.locks.words import end_words
from apps.peers import selectors as peers
from apps.peers.hanging import Hanging
from apps.peers.services.batches import batches
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


def check_without_locks(questions: Mapping[str, Question], grants: Iterable[core.Grant] = ()) -> dict[str, Explanation]:
    """What the rows alone give to each question, by its name: two or three queries for all of them.

    Aside are locks and ends, which come and go by the clock, all grants but these, and keys that two peers claim, which
    no write lets come about.
    """
    if not questions:
        return {}
    index, now = build_index(*_own_rows(asked.subject for asked in questions.values()), grants=grants), time.time()
    return {name: explain(asked, index, NOTHING_HELD, now) for name, asked in questions.items()}


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
    """Those of these peers, as the node reads them."""
    return [row.core() for names in batches(peer_ids) for row in Grant.objects.filter(peer_id__in=names)]


def grants_in_force(peer_id: str | None = None) -> QuerySet[Grant]:
    """The rows of one peer, or of all, that have not come to their end."""
    rows = Grant.objects.filter(expires_at__gt=time.time())
    return rows if peer_id is None else rows.filter(peer_id=peer_id)


def hanging_grants(peer_ids: Sequence[str]) -> list[Hanging]:
    """The grants in force of these peers, by peer and the one that lasts longest first. Few of many peers have any."""
    named = set(peer_ids) & set(grants_in_force().values_list("peer_id", flat=True).distinct())
    rows = (row for names in batches(sorted(named)) for row in grants_in_force().filter(peer_id__in=names))
    return [_hanging(row) for row in sorted(rows, key=lambda row: (row.peer_id, -row.expires_at, row.pk))]


def _hanging(row: Grant) -> Hanging:
    words = f"{row.gives}, until {end_words(row.expires_at, holds=True)}"
    return Hanging(row.pk, row.peer_id, "Grant", words, row.core())


def ended_grants(peer_id: str | None = None) -> QuerySet[Grant]:
    """The others."""
    rows = Grant.objects.filter(expires_at__lte=time.time())
    return rows if peer_id is None else rows.filter(peer_id=peer_id)


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
    entries, keys = _own_rows([subject])
    claimants = peers.peers_with_keys(key for entry in entries for key in entry.fingerprints)
    return list({entry.peer_id: entry for entry in (*entries, *claimants)}.values()), keys


def _own_rows(subjects: Iterable[Subject]) -> tuple[list[PeerEntry], list[ApiKeyEntry]]:
    """The rows of these subjects themselves. Of a key, they are those of all who claim it."""
    named: dict[SubjectKind, list[str]] = {kind: [] for kind in SubjectKind}
    for subject in subjects:
        named[subject.kind].append(subject.name)
    entries = [*peers.find_peers(named[SubjectKind.PEER]), *peers.peers_with_keys(named[SubjectKind.KEY])]
    return entries, peers.find_api_keys(named[SubjectKind.API_KEY])
