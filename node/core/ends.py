"""The ends of rows that are over by themselves, in their order: what a moment changes, and when the next one does.

Pure, on immutable values: the same rows at the same moment always give the same.
"""

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from node.core.span import Span


class Timed(Protocol):
    """A row with an end."""

    @property
    def expires_at(self) -> float:
        """Unix seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Ends:
    """All ends, each with its row's id; the first `over` of them have come at the moment of this value."""

    ends: tuple[tuple[float, str], ...] = ()
    over: int = 0

    @property
    def span(self) -> Span:
        """The stretch of time around that moment in which the same is over."""
        begin = self.ends[self.over - 1][0] if self.over else -math.inf
        return Span(begin, self.ends[self.over][0] if self.over < len(self.ends) else math.inf)

    @property
    def come(self) -> list[str]:
        """The ids of the rows that are over."""
        return [name for _, name in self.ends[: self.over]]

    @property
    def ahead(self) -> list[str]:
        """The ids of the others."""
        return [name for _, name in self.ends[self.over :]]

    def at(self, now: float) -> "Ends":
        """The same ends at another moment, in unix seconds; this very value where nothing ends between."""
        return self if self.span.has(now) else self._judged(now)

    def patched(self, rows: Mapping[str, Timed], changes: Mapping[str, Timed | None], now: float) -> "Ends":
        """The ends of `rows` with these changes of them, at this moment; None removes one. Others cost next to nothing.

        `rows` are those that this value was made of.
        """
        ends = list(self.ends)
        for name, new in changes.items():
            old = rows.get(name)
            if old is not None:
                del ends[bisect_left(ends, (old.expires_at, name))]
            if new is not None:
                insort(ends, (new.expires_at, name))
        return replace(self, ends=tuple(ends))._judged(now)

    def _judged(self, now: float) -> "Ends":
        return replace(self, over=bisect_right(self.ends, now, key=lambda end: end[0]))


def ends_of(rows: Mapping[str, Timed], now: float) -> Ends:
    """The ends of these rows, at this moment."""
    return Ends(tuple(sorted((row.expires_at, name) for name, row in rows.items())))._judged(now)
