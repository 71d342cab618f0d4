"""Long lists in pieces that one SQL statement takes."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

SIZE = 500
_Item = TypeVar("_Item")


def batches(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    """The items in order, at most SIZE at a time."""
    for start in range(0, len(items), SIZE):
        yield items[start : start + SIZE]


def batches_told(items: Sequence[_Item], tell: "Tell", step: str) -> Iterator[Sequence[_Item]]:
    """The same, and before each it is told how many are done."""
    done = 0
    for some in batches(items):
        tell(step, done, len(items))
        yield some
        done += len(some)


Tell = Callable[[str, int, int], object]
"""Takes how far long work is: what is being done, how much of it, and of how many; 0 of 0 where that is not known."""


def untold(step: str, done: int, of: int) -> None:
    """A `Tell` for where nobody looks."""
