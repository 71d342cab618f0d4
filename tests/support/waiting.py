"""Waiting for other processes in tests: a generous limit, and no pause longer than it must be."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LIMIT = 60.0


def until(look: Callable[[], T], what: str) -> T:
    """The first true result of `look`. Fails the test, naming `what`, when none comes."""
    deadline = time.monotonic() + LIMIT
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what} did not happen within {LIMIT} s"
        time.sleep(0.01)
    return found
