"""In which order several workers take the tests, so that all of them end together."""

import os
from collections.abc import Iterator, Sequence
from itertools import islice

import pytest

LONG = ("tests/e2e/", "tests/bench/", "tests/docs/")
"""Where a test takes seconds, and waits for its processes for much of that."""


def workers() -> int:
    """How many for `--numprocesses auto`: half as many again as there are cores, for those that wait."""
    cores = len(os.sched_getaffinity(0))
    return cores + cores // 2


def long_first(items: Sequence[pytest.Item], workers: int) -> Iterator[pytest.Item]:
    """Worksteal cuts the list into equal parts, one for each worker; whoever is done takes over the end of another.

    Here every other part begins with long tests, file by file, so that short ones run beside them and none is left when
    all else is done.
    """
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.nodeid.startswith(LONG):
            files.setdefault(item.nodeid.split("::")[0], []).append(item)
    short = (item for item in items if not item.nodeid.startswith(LONG))
    hosts = (workers + 1) // 2
    left = len(items)
    for number in range(workers):
        size = left // (workers - number)
        own = [item for file in list(files.values())[number // 2 :: hosts] for item in file] if number % 2 == 0 else []
        part = [*own, *islice(short, max(0, size - len(own)))]
        left -= len(part)
        yield from part
    yield from short
