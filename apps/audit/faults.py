"""What can be wrong with the chain at a row, and how the rows around it tell which it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from apps.audit.chain import Link, follows, next_hash

WINDOW = 64
"""Rows that are looked at to tell what happened; that the chain is broken needs none of them."""


class Fault(StrEnum):
    """What was done to the log."""

    EDITED = "edited"
    REMOVED = "removed"
    INSERTED = "inserted"
    REORDERED = "reordered"
    REWRITTEN = "rewritten"
    TRUNCATED = "truncated"


@dataclass(frozen=True, slots=True)
class Broken:
    """The first row that is not as it was written, and what most likely was done."""

    number: int
    fault: Fault
    words: str


def rewritten(number: int) -> Broken:
    words = "A checkpoint or an export has another hash for it: it, or one before it, was replaced and all hashes made."
    return Broken(number, Fault.REWRITTEN, words)


def truncated(number: int, signed: int) -> Broken:
    """`number` is the first that is missing."""
    words = f"The log ends before it, and a checkpoint or an export has rows up to {signed}."
    return Broken(number, Fault.TRUNCATED, words)


def diagnose(number: int, previous: str, links: Sequence[Link]) -> Broken:
    """What happened at row `number`, after which `links` stand in the table, and before which the hash is `previous`.

    A hash covers the number of its row and the hash before. So a row that was moved still tells where it stood.
    """
    first, *later = links[:WINDOW]
    if first.row.number < number:
        return Broken(first.row.number, Fault.INSERTED, "Numbers begin with 1: the log never wrote this row.")
    moved = next((link for link in later if follows(previous, link, number)), None)
    if moved is None:
        return _gap(number, first) or _changed(number, previous, first, later)
    if first.row.number > number or _has_a_place(first, links[:WINDOW]):
        return Broken(number, Fault.REORDERED, f"What was written here stands at {moved.row.number} now.")
    return Broken(number, Fault.INSERTED, f"The log never wrote it; row {number} stands at {moved.row.number} now.")


def _gap(number: int, first: Link) -> Broken | None:
    last = first.row.number - 1
    if last < number:
        return None
    return Broken(number, Fault.REMOVED, "It is missing." if last == number else f"The rows up to {last} are missing.")


def _changed(number: int, previous: str, first: Link, later: Sequence[Link]) -> Broken:
    """Nothing tells of a row that was moved here: it was edited, or others before it are gone."""
    if later and not _goes_on(previous, first, later[0]):
        for count in range(1, WINDOW):
            if follows(first.hash, later[0], later[0].row.number + count):
                words = f"{count} row{'s' if count > 1 else ''} before it {'are' if count > 1 else 'is'} missing."
                return Broken(number, Fault.REMOVED, words)
    words = "It is not what was written: its hash does not fit it and the row before."
    return Broken(number, Fault.EDITED, words)


def _goes_on(previous: str, first: Link, after: Link) -> bool:
    """Whether the next row follows this one's hash, or what it would have to be."""
    try:
        return follows(first.hash, after) or follows(next_hash(previous, first.row), after)
    except (AttributeError, UnicodeError):
        return False


def _has_a_place(first: Link, links: Sequence[Link]) -> bool:
    """Whether a row was written by the log, after one of these and under another number."""
    numbers = [link.row.number for link in links]
    return any(follows(link.hash, first, number) for link in links for number in numbers)
