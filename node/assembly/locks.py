"""The time of the locks, for as long as the node's process lives."""

import contextlib
from collections.abc import AsyncIterator

from node.assembly.store import Store
from node.lock_clock import LockClock


@contextlib.asynccontextmanager
async def keeping_time(store: Store) -> AsyncIterator[None]:
    """Each lock of the store ends when its time has come, as long as the block lasts."""
    clock = LockClock(store)
    clock.start()
    try:
        yield
    finally:
        clock.stop()
