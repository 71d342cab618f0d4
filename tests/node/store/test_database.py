"""Opening the file: honker waits with the interpreter lock in its hands, so it must never have to wait."""

import pytest

from node.core.index import IndexSwap
from node.core.peers import PeerEntry
from node.store.database import DatabaseMissing, open_database
from node.store.sqlite import SqliteStore
from tests.support.eventually import eventually, within
from tests.support.fresh import fresh
from tests.support.schema import put_peer
from tests.support.sql_writer import SqlWriter

ANN = PeerEntry("ann", (f"ed25519:{1:064x}",))
BOB = PeerEntry("bob", (f"ed25519:{2:064x}",))


async def test_a_file_is_opened_and_read_while_another_process_holds_its_write_lock(writer: SqlWriter) -> None:
    writer.commit(put_peer(ANN))
    writer.begin(put_peer(BOB))
    store = SqliteStore(writer.path)
    await within(store.start())
    assert set(store.index.peers) == {"ann"}
    writer.commit()
    await fresh(store, writer)
    assert set(store.index.peers) == {"ann", "bob"}
    await store.stop()


async def test_a_reopening_waits_for_no_lock_of_another_process(store: SqliteStore, writer: SqlWriter) -> None:
    swaps: list[IndexSwap] = []

    def lock_and_fail_once(swap: IndexSwap) -> None:
        swaps.append(swap)
        if len(swaps) == 1:
            writer.begin(put_peer(BOB))
            raise RuntimeError

    store.subscribe(lock_and_fail_once)
    writer.commit(put_peer(ANN))
    await eventually(lambda: len(swaps) == 2, "a reload under the lock")
    assert [swap.changed for swap in swaps] == [{"ann"}, None]
    assert set(store.index.peers) == {"ann"}
    writer.commit()
    await fresh(store, writer)
    assert set(store.index.peers) == {"ann", "bob"}


async def test_an_open_file_tells_of_commits_and_is_closed_after_use(writer: SqlWriter) -> None:
    with open_database(writer.path) as database:
        events = database.update_events()
        writer.commit(put_peer(ANN))
        await within(anext(events))
        assert [row["peer_id"] for row in database.query("SELECT peer_id FROM peers")] == ["ann"]
    with pytest.raises(RuntimeError, match="closed"):
        database.query("SELECT 1")


def test_a_missing_file_is_not_made(writer: SqlWriter) -> None:
    missing = writer.path.with_name("missing.db")
    with pytest.raises(DatabaseMissing, match=r"missing\.db"), open_database(missing):
        pass
    assert not missing.exists()
