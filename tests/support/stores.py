"""Every IdentityStore and CredentialStore, empty and ready to use: the contract suites run against each.

One line adds another.
"""

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from apps.credentials.store import DjangoCredentialStore
from apps.peers.store import DjangoIdentityStore
from node.core.credential_index import InMemoryCredentialStore
from node.core.repository import CredentialStore, IdentityStore
from node.store.memory import MemoryIdentityStore
from node.store.sqlite import SqliteStore
from tests.support.sql_writer import sql_writer

StoreFactory = Callable[[Path], AbstractAsyncContextManager[IdentityStore]]
"""Makes a store in an empty directory."""
CredentialStoreFactory = Callable[[Path], AbstractAsyncContextManager[CredentialStore]]
"""The same for sealed credentials."""


@contextlib.asynccontextmanager
async def memory(_: Path) -> AsyncIterator[IdentityStore]:
    yield MemoryIdentityStore()


@contextlib.asynccontextmanager
async def sqlite(directory: Path) -> AsyncIterator[SqliteStore]:
    with sql_writer(directory / "alknet.db") as writer:
        writer.migrate()
    store = SqliteStore(writer.path)
    await store.start()
    yield store
    await store.stop()


@contextlib.asynccontextmanager
async def django(_: Path) -> AsyncIterator[IdentityStore]:
    yield DjangoIdentityStore()


@contextlib.asynccontextmanager
async def memory_credentials(_: Path) -> AsyncIterator[CredentialStore]:
    yield InMemoryCredentialStore()


@contextlib.asynccontextmanager
async def django_credentials(_: Path) -> AsyncIterator[CredentialStore]:
    yield DjangoCredentialStore()


STORES = [
    pytest.param(memory, id="memory"),
    pytest.param(sqlite, id="sqlite"),
    pytest.param(django, id="django", marks=pytest.mark.django_db(transaction=True)),
]
CREDENTIAL_STORES = [
    pytest.param(memory_credentials, id="memory"),
    pytest.param(sqlite, id="sqlite"),
    pytest.param(django_credentials, id="django", marks=pytest.mark.django_db(transaction=True)),
]
