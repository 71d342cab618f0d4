"""Whether stored assertions hold, by the rows as they are in the open transaction.

Locks are left out: they hold for a while, and are there to take rights away. An API key that has expired has none.
What must be there has to be there without grants, which end; what must not be there may not be granted either.
"""

import time
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace

from apps.access.models import Assertion
from apps.access.questions import question
from apps.access.selectors import check_without_locks, grants_of
from apps.peers import selectors as peers
from apps.peers.services.batches import batches
from node.core.explain import Explanation, Question
from node.core.grants import Grant


def broken(names: Iterable[str], renamed: Mapping[str, str], besides: Sequence[Grant] = ()) -> list[str]:
    """A sentence for each assertion on one of these peers and API keys that does not hold.

    `renamed` has the new name of those that have just got one; `besides` are grants that nobody has given yet.
    """
    found = []
    for rows in _about(names):
        told = judge(rows, renamed, besides)
        wrong = [row for row in rows if told[row.pk].allowed is not row.allowed]
        found += [f"It is asserted that {row}, and {told[row.pk].text}." for row in wrong]
    return found


def judge(
    rows: Sequence[Assertion], renamed: Mapping[str, str] | None = None, besides: Sequence[Grant] = ()
) -> dict[str, Explanation]:
    """What the subject of each may do now, by the assertion's id: a handful of queries, however many there are.

    One that is named like neither a peer nor an API key may do nothing. Its grants are under its old name yet where it
    has just got another.
    """
    names = {row.who: (renamed or {}).get(row.who, row.who) for row in rows}
    known = peers.existing(names.values())
    asked = {row.pk: _question(row, names[row.who], known) for row in rows}
    barred = [row for row in rows if not row.allowed]
    stored = [replace(one, peer_id=names[one.peer_id]) for one in grants_of(sorted({row.who for row in barred}))]
    lasting = [one for one in (*stored, *besides) if one.expires_at > time.time()]
    kept = check_without_locks({row.pk: asked[row.pk] for row in rows if row.allowed})
    return kept | check_without_locks({row.pk: asked[row.pk] for row in barred}, lasting)


def holding(rows: Sequence[Assertion]) -> dict[str, bool]:
    """Whether each holds as things are, by its id."""
    told = judge(rows)
    return {row.pk: told[row.pk].allowed is row.allowed for row in rows}


def _question(row: Assertion, who: str, known: Container[str]) -> Question:
    asked = {"scopes": row.scopes, "resource_type": row.resource_type, "resource": row.resource}
    return question(who=who, known=known, **asked)


def _about(names: Iterable[str]) -> Iterable[list[Assertion]]:
    """One query where there are no assertions at all, however many names there are."""
    if Assertion.objects.exists():
        for wanted in batches(sorted(set(names))):
            yield list(Assertion.objects.filter(who__in=wanted))
