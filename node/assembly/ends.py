"""The time of what comes to its end, for as long as the node's process lives."""

import contextlib
from collections.abc import AsyncIterator

from node.assembly.store import Store
from node.end_clock import EndClock


@contextlib.asynccontextmanager
async def keeping_time(store: Store) -> AsyncIterator[None]:
    """Each lock, peer and key of the store ends when its time has come, as long as the block lasts."""
    clock = EndClock(store)
    clock.start()
    try:
        yield
    finally:
        clock.stop()
