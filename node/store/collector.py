"""Python's cyclic garbage collector and a hundred thousand rows: each of its full passes would stall the loop.

The rows of an index hold no cycles and die by their reference counts, so nothing is lost by hiding them from it.
"""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """No cyclic collection inside the block, which allocates much that lives long."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def freeze() -> None:
    """Exempt all that lives now from every later collection. For the start of a process, before it serves."""
    gc.freeze()
