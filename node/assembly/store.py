"""The one source of truth for peers."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from node.core.tasks import first
from node.reload import LiveSettings
from node.settings import Settings
from node.store.memory import MemoryIdentityStore
from node.store.sqlite import SqliteStore

Store = MemoryIdentityStore | SqliteStore

logger = logging.getLogger(__name__)

PATIENCE = 10.0
"""Seconds without a database before that is a warning: at a first start the panel's process makes it meanwhile."""


@contextlib.asynccontextmanager
async def open_store(settings: Settings, limits: LiveSettings) -> AsyncIterator[Store]:
    """A file of peers where one is named, else the database."""
    if settings.node.peers_file is not None:
        yield MemoryIdentityStore.from_file(settings.node.peers_file)
        return
    database = SqliteStore(settings.paths.database, limits.store)
    await database.start()
    try:
        yield database
    finally:
        await database.stop()


async def loaded(store: Store, stop: asyncio.Event) -> bool:
    """Wait for the first whole index. False if the stop came first."""
    if isinstance(store, SqliteStore) and not store.loaded:
        logger.info("waiting for the database: the panel's process makes it")
        try:
            async with asyncio.timeout(PATIENCE):
                await first(store.wait_loaded(), stop.wait())
        except TimeoutError:
            logger.warning("the database is not there yet", extra={"error": store.complaint})
            await first(store.wait_loaded(), stop.wait())
    return not stop.is_set()
