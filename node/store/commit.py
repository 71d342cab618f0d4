"""Committing to the file (spec core §9): one write of this process at a time, rows and notifications together.

The notifications come from the file's own triggers, and the writer's own index learns of a write like everybody else's:
there is no write-through.
"""

import asyncio
from collections.abc import Callable

from node.core.errors import BackendError
from node.core.live import Live
from node.honker_file import Database, Transaction
from node.store.limits import StoreLimits

_BUSY_PAUSE = 0.01
"""Seconds between two tries for the write lock."""


class Committer:
    """One write at a time. Each returns after its commit, or raises and has changed nothing.

    Another process's lock is waited for on the loop, up to `write_timeout` seconds. A write that is cancelled while it
    waits has not happened.
    """

    def __init__(self, limits: Live[StoreLimits]) -> None:
        self._limits = limits
        self._lock = asyncio.Lock()

    async def commit(self, database: Database | None, work: Callable[[Transaction], None]) -> None:
        """Do this work in one transaction. Raises BackendError, and what the work raises."""
        if database is None:
            raise BackendError("the database is not open")
        async with self._lock:
            try:
                async with asyncio.timeout(self._limits.value.write_timeout):
                    while not _try_commit(database, work):  # noqa: ASYNC110 - no event tells of another process's lock
                        await asyncio.sleep(_BUSY_PAUSE)
            except TimeoutError:
                raise BackendError("the database is locked by another process") from None


def _try_commit(database: Database, work: Callable[[Transaction], None]) -> bool:
    """False if another process has the write lock."""
    try:
        with database.transaction() as tx:
            tx.query("PRAGMA busy_timeout = 0")  # stays with honker's one writing connection: later tries do not block
            work(tx)
    except RuntimeError as error:
        if "locked" in str(error):
            return False
        raise BackendError(str(error)) from error
    return True
