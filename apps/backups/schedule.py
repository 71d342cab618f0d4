"""When the next scheduled backup is due: decided by what became of the last ones, which outlasts a restart."""

import hashlib
from dataclasses import dataclass

SPREAD = 0.1
"""Part of the interval by which a backup may come later, so that boxes of one kind do not all begin at once."""
LONGEST_SPREAD = 600.0
FIRST_RETRY = 300.0
"""Seconds after a failed backup; each further failure doubles them, up to the interval."""


@dataclass(frozen=True, slots=True)
class Last:
    """The last scheduled backup: its number, when it began (Unix seconds), and how many have failed since one that did
    not."""

    number: int
    began: float
    failures: int


def due(last: Last | None, *, every: float, box: str, now: float) -> float:
    """When the next one is due, in Unix seconds. `every` is the interval in seconds; `box` sets boxes apart.

    The same for the same history: a process that starts again neither forgets one nor makes one twice. A clock that was
    set back makes nobody wait longer than an interval.
    """
    late = _share(box, 0 if last is None else last.number) * min(every * SPREAD, LONGEST_SPREAD)
    if last is None:
        return now
    wait = every + late if last.failures == 0 else min(every, FIRST_RETRY * 2 ** min(last.failures - 1, 20))
    return min(last.began, now) + wait if last.began <= now + LONGEST_SPREAD else now


def _share(box: str, number: int) -> float:
    """A share of 1 that is this box's own at this turn."""
    digest = hashlib.sha256(f"{box}\0{number}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32
