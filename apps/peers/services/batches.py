"""Long lists of names in pieces that one SQL statement takes."""

from collections.abc import Iterator, Sequence

SIZE = 500


def batches(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """The names in order, at most SIZE at a time."""
    for start in range(0, len(names), SIZE):
        yield names[start : start + SIZE]
