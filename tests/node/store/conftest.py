"""A migrated file with a process of its own that writes it, and stores that follow it."""

import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from node.core.paths import DataPaths
from node.store.limits import StoreLimits
from node.store.sqlite import SqliteStore
from tests.support import warm
from tests.support.appliance import environment
from tests.support.sql_writer import SqlWriter, sql_writer

QUICK = StoreLimits(retry_first=0.01, retry_max=0.05)
MANAGE = Path(__file__).parents[3] / "manage.py"


def manage(data: Path, *arguments: str) -> None:
    """Run Django's command line on this data directory."""
    command = [warm.python(), str(MANAGE), *arguments]
    subprocess.run(command, env=environment(ALKNET_DATA=str(data)), check=True, timeout=120)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlWriter]:
    """On a file that Django has migrated. Whoever writes to it leaves it empty again."""
    data = tmp_path_factory.mktemp("data")
    manage(data, "prepare")
    with sql_writer(DataPaths(data).database) as process:
        yield process


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
