"""Scopes and resources that there are: what the running node asks for, and what peers and API keys have.

Both are kept for a moment, since they are asked for with every letter that somebody types. A node that does not answer
is not asked again at once; what it told last stays.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.db.models import Count

from apps.peers.models import ApiKey, Peer
from node.control.client import ControlClient, ControlError

LOOK_SECONDS = 0.8
"""How long a field waits for the node."""
KEPT_SECONDS = 15.0
MAX_KEPT = 5_000
"""Scopes, kinds, and names of one kind that are remembered."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Asked:
    """Who of the node's operations asks for something: some of their names, and how many there are."""

    operations: tuple[str, ...]
    count: int

    @property
    def words(self) -> str:
        """“asked for by git/list, git/read and 3 more”"""
        more = self.count - len(self.operations)
        names = ", ".join(self.operations) + (f" and {more} more" if more > 0 else "")
        return f"asked for by {names}"


@dataclass(frozen=True, slots=True)
class Needs:
    """What the node's operations ask of their callers. `known`: a node has told it."""

    scopes: Mapping[str, Asked] = field(default_factory=dict)
    kinds: Mapping[str, Asked] = field(default_factory=dict)
    known: bool = False


@dataclass(frozen=True, slots=True)
class InUse:
    """What is stored: how many peers and API keys have a scope, and how many peers a resource, by its kind."""

    scopes: Mapping[str, int]
    resources: Mapping[str, Mapping[str, int]]


class _Kept(Generic[_T]):
    """A value that is made anew when it is older than KEPT_SECONDS; `make` gets the one before."""

    def __init__(self, make: Callable[[_T | None], _T]) -> None:
        self._make = make
        self._value: _T | None = None
        self._until = 0.0

    def __call__(self) -> _T:
        now = time.monotonic()
        if self._value is None or now >= self._until:
            self._value = self._make(self._value)
            self._until = time.monotonic() + KEPT_SECONDS
        return self._value

    def forget(self) -> None:
        """Make it anew at the next call."""
        self._value, self._until = None, 0.0


def _ask_node(before: Needs | None) -> Needs:
    try:
        with ControlClient(settings.PATHS.control_socket, timeout=LOOK_SECONDS) as node:
            told = node.call("node/scopes")
        return Needs(_asked(told["scopes"], "scope"), _asked(told["resources"], "kind"), known=True)
    except (ControlError, KeyError, TypeError, ValueError):
        return before or Needs()


def _asked(rows: Any, name: str) -> dict[str, Asked]:
    """Raises KeyError, TypeError and ValueError where the answer is of another shape (docs/control.md)."""
    return {str(row[name]): Asked(tuple(map(str, row["operations"])), int(row["count"])) for row in rows[:MAX_KEPT]}


def _read_stored(_: InUse | None) -> InUse:
    """Rows with the same scopes are read once: most of ten thousand peers have one of a few lists."""
    scopes: Counter[str] = Counter()
    for model in (Peer, ApiKey):
        for held, count in model.objects.order_by().values_list("scopes").annotate(rows=Count("pk")):
            scopes.update(dict.fromkeys(_texts(held), count))
    kinds: dict[str, Counter[str]] = {}
    rows = Peer.objects.order_by().exclude(resources={}).values_list("resources").annotate(rows=Count("pk"))
    for resources, count in rows:
        for kind, names in resources.items() if isinstance(resources, dict) else ():
            kinds.setdefault(kind, Counter()).update(dict.fromkeys(_texts(names), count))
    return InUse(
        dict(scopes.most_common(MAX_KEPT)),
        {kind: dict(names.most_common(MAX_KEPT)) for kind, names in list(kinds.items())[:MAX_KEPT]},
    )


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


NEEDS = _Kept(_ask_node)
IN_USE = _Kept(_read_stored)
