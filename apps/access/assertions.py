"""Whether stored assertions hold, by the rows as they are in the open transaction.

Locks are left out: they hold for a while, and are there to take rights away. An API key that has expired has none.
What must be there has to be there without grants, which end; what must not be there may not be granted either.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from apps.access.models import Assertion
from apps.access.questions import InvalidQuestion, question
from apps.access.selectors import check_without_locks, grants_of
from node.core.explain import Explanation
from node.core.grants import Grant

BATCH = 500
"""Names that one query looks for."""


def broken(names: Iterable[str], renamed: Mapping[str, str], besides: Sequence[Grant] = ()) -> list[str]:
    """A sentence for each assertion on one of these peers and API keys that does not hold.

    `renamed` has the new name of those that have just got one; `besides` are grants that nobody has given yet.
    """
    found = []
    for row in _about(names):
        told = judge(row, renamed.get(row.who, row.who), besides)
        if told.allowed is not row.allowed:
            found.append(f"It is asserted that {row}, and {told.text}.")
    return found


def judge(row: Assertion, who: str | None = None, besides: Sequence[Grant] = ()) -> Explanation:
    """What its subject may do now. One that is named like neither a peer nor an API key may do nothing.

    Its grants are under its old name yet where it has just got another.
    """
    asked = {"scopes": row.scopes, "resource_type": row.resource_type, "resource": row.resource}
    name = who or row.who
    stored = [] if row.allowed else [replace(one, peer_id=name) for one in grants_of([row.who])]
    grants = () if row.allowed else [one for one in (*stored, *besides) if one.expires_at > time.time()]
    return check_without_locks(question(who=name, **asked), grants)


def holds(row: Assertion) -> bool:
    try:
        return judge(row).allowed is row.allowed
    except InvalidQuestion:
        return False


def _about(names: Iterable[str]) -> Iterable[Assertion]:
    """One query where there are no assertions at all, however many names there are."""
    if not Assertion.objects.exists():
        return
    wanted = sorted(set(names))
    for start in range(0, len(wanted), BATCH):
        yield from Assertion.objects.filter(who__in=wanted[start : start + BATCH])
