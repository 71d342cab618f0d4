"""Verifying the chain, page by page from its beginning, against the checkpoints."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from apps.audit.chain import GENESIS, Link, follows
from apps.audit.faults import WINDOW, Broken, diagnose, rewritten, truncated
from apps.audit.rows import read_links

PAGE = 2000
"""Rows that are read at once: some hundredths of a second."""

Marks = Mapping[int, Collection[str]]
"""Of the rows that checkpoints sign, the hashes that they have there."""


@dataclass(frozen=True, slots=True)
class Verified:
    """How far a verification is: the rows up to `number` are as they were written, and `hash` is that of the last."""

    number: int = 0
    hash: str = GENESIS
    broken: Broken | None = None
    at_end: bool = False
    """There is nothing more to verify."""


def verify(marks: Marks, start: Verified | None = None) -> Iterator[Verified]:
    """After each page how far it is; the last one is `at_end`."""
    at = start or Verified()
    while not at.at_end:
        at = verify_page(at, marks)
        yield at


def verify_page(at: Verified, marks: Marks, limit: int = PAGE) -> Verified:
    """Verify the next rows."""
    links = read_links(at.number, limit)
    number, digest = at.number, at.hash
    for index, link in enumerate(links):
        if link.row.number != number + 1 or not follows(digest, link):
            return Verified(number, digest, _diagnosed(number + 1, digest, links[index:]), at_end=True)
        if any(signed != link.hash for signed in marks.get(number + 1, ())):
            return Verified(number, digest, rewritten(number + 1), at_end=True)
        number, digest = number + 1, link.hash
    if len(links) == limit:
        return Verified(number, digest)
    return _ended(Verified(number, digest, at_end=True), marks)


def _diagnosed(number: int, digest: str, links: list[Link]) -> Broken:
    """What is wrong with the first of these; what comes after them is read as well, as far as it is looked at."""
    last = links[-1].row.number
    further = read_links(last, WINDOW) if len(links) < WINDOW and last > 0 else []
    return diagnose(number, digest, [*links, *further])


def _ended(at: Verified, marks: Marks) -> Verified:
    """At the end of the log every row must have come that a checkpoint signs."""
    signed = max(marks, default=0)
    return replace(at, broken=truncated(at.number + 1, signed)) if signed > at.number else at
