"""Every IdentityStore, empty and ready to use: the contract suite runs against each. One line adds another."""

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from apps.peers.store import DjangoIdentityStore
from node.core.repository import IdentityStore
from node.store.memory import MemoryIdentityStore
from node.store.sqlite import SqliteStore
from tests.support.sql_writer import sql_writer

StoreFactory = Callable[[Path], AbstractAsyncContextManager[IdentityStore]]
"""Makes a store in an empty directory."""


@contextlib.asynccontextmanager
async def memory(_: Path) -> AsyncIterator[IdentityStore]:
    yield MemoryIdentityStore()


@contextlib.asynccontextmanager
async def sqlite(directory: Path) -> AsyncIterator[IdentityStore]:
    with sql_writer(directory / "alknet.db") as writer:
        writer.migrate()
    store = SqliteStore(writer.path)
    await store.start()
    yield store
    await store.stop()


@contextlib.asynccontextmanager
async def django(_: Path) -> AsyncIterator[IdentityStore]:
    yield DjangoIdentityStore()


STORES = [
    pytest.param(memory, id="memory"),
    pytest.param(sqlite, id="sqlite"),
    pytest.param(django, id="django", marks=pytest.mark.django_db(transaction=True)),
]
