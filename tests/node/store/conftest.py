"""A migrated file with a process of its own that writes it, and stores that follow it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from node.store.limits import StoreLimits
from node.store.sqlite import SqliteStore
from tests.support.sql_writer import SqlWriter, sql_writer

QUICK = StoreLimits(retry_first=0.01, retry_max=0.05)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[SqlWriter]:
    with sql_writer(tmp_path / "alknet.db") as process:
        process.migrate()
        yield process


@pytest.fixture
async def store(writer: SqlWriter) -> AsyncIterator[SqliteStore]:
    """Loaded, on the writer's file."""
    store = SqliteStore(writer.path, QUICK)
    await store.start()
    await store.wait_loaded()
    yield store
    await store.stop()
