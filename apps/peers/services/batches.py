"""Long lists in pieces that one SQL statement takes."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

SIZE = 500
_Item = TypeVar("_Item")


def batches(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    """The items in order, at most SIZE at a time."""
    for start in range(0, len(items), SIZE):
        yield items[start : start + SIZE]
