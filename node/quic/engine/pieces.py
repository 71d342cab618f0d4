"""What of a stream has arrived out of order: found by bisection, and counted, for each piece costs some memory."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from typing import Any

from aioquic.quic.rangeset import RangeSet


class Pieces(RangeSet):
    """As the engine's own set of ranges, as far as a receiver uses one; the engine's looks at all of them each time.

    `on_more` is called whenever there is one more than before, and may raise.
    """

    def __init__(self, on_more: Callable[[], None]) -> None:
        super().__init__()
        self._on_more = on_more
        self._starts: list[int] = []
        self._stops: list[int] = []

    def add(self, start: int, stop: int | None = None) -> None:
        stop = start + 1 if stop is None else stop
        first, last = bisect_left(self._stops, start), bisect_right(self._starts, stop)
        if first < last:
            start, stop = min(start, self._starts[first]), max(stop, self._stops[last - 1])
        self._starts[first:last] = [start]
        self._stops[first:last] = [stop]
        if first == last:
            self._on_more()

    def shift(self) -> range:
        return range(self._starts.pop(0), self._stops.pop(0))

    def bounds(self) -> range:
        return range(self._starts[0], self._stops[-1])

    def __getitem__(self, key: Any) -> range:
        return range(self._starts[key], self._stops[key])

    def __iter__(self) -> Iterator[range]:
        return iter([range(start, stop) for start, stop in zip(self._starts, self._stops, strict=True)])

    def __len__(self) -> int:
        return len(self._starts)
