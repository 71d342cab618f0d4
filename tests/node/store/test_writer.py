"""The write half beside other writers of the same file."""

import asyncio

import pytest

from node.core.errors import BackendError
from node.core.peers import PeerEntry
from node.store.limits import StoreLimits
from node.store.sqlite import SqliteStore
from tests.support.eventually import eventually, within
from tests.support.fresh import fresh
from tests.support.schema import put_peer
from tests.support.sql_writer import SqlWriter

KEY = f"ed25519:{1:064x}"
ANN = PeerEntry("ann", (KEY,), None, ("a",), {"repo": ("web",)}, "Ann", enabled=False)


async def test_what_is_written_is_what_every_process_reads(store: SqliteStore, writer: SqlWriter) -> None:
    await store.put_peer(ANN)
    columns = "peer_id, fingerprints, auth_token_hash, scopes, resources, display_name, enabled"
    assert writer.query(f"SELECT {columns} FROM peers") == [
        ["ann", f'["{KEY}"]', None, '["a"]', '{"repo":["web"]}', "Ann", 0]
    ]
    await fresh(store, writer)
    assert dict(store.index.peers) == {"ann": ANN}


async def test_a_write_waits_on_the_loop_while_another_process_writes(store: SqliteStore, writer: SqlWriter) -> None:
    await store.put_peer(PeerEntry("first"))
    writer.begin(put_peer(PeerEntry("bob")))
    ticks = 0
    writing = asyncio.ensure_future(store.put_peer(ANN))
    while ticks < 20:
        await asyncio.sleep(0.005)
        ticks += 1
    assert not writing.done()
    writer.commit()
    await within(writing)
    await eventually(lambda: set(store.index.peers) == {"first", "bob", "ann"})


async def test_a_lock_that_is_never_given_up_fails_the_write(writer: SqlWriter) -> None:
    store = SqliteStore(writer.path, StoreLimits(write_timeout=0.05))
    await store.start()
    await store.put_peer(PeerEntry("first"))
    writer.begin(put_peer(PeerEntry("bob")))
    with pytest.raises(BackendError, match="locked by another process"):
        await store.put_peer(ANN)
    writer.rollback()
    await store.put_peer(ANN)
    await eventually(lambda: set(store.index.peers) == {"first", "ann"})
    await store.stop()


async def test_a_cancelled_write_that_waits_writes_nothing(store: SqliteStore, writer: SqlWriter) -> None:
    await store.put_peer(PeerEntry("first"))
    writer.begin()
    writing = asyncio.ensure_future(store.put_peer(ANN))
    await asyncio.sleep(0.03)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    writer.rollback()
    await store.put_peer(PeerEntry("bob"))
    assert writer.query("SELECT peer_id FROM peers ORDER BY 1") == [["bob"], ["first"]]


async def test_a_write_without_an_open_file_is_refused(store: SqliteStore) -> None:
    await store.stop()
    with pytest.raises(BackendError, match="not open"):
        await store.put_peer(ANN)


async def test_a_write_before_the_migration_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("data") / "alknet.db"
    path.touch()
    store = SqliteStore(path)
    await store.start()
    with pytest.raises(BackendError, match="no such table"):
        await store.put_peer(ANN)
    await store.stop()


async def test_a_damaged_row_of_another_peer_stops_no_write(store: SqliteStore, writer: SqlWriter) -> None:
    writer.commit(put_peer(PeerEntry("bob")), "UPDATE peers SET fingerprints = 'no json'")
    await store.put_peer(ANN)
    await fresh(store, writer)
    assert dict(store.index.peers) == {"ann": ANN}
