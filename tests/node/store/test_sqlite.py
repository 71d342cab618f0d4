"""The store follows what other processes commit to its file, and nothing else."""

import asyncio
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from node.core.identity import AuthToken, Identity
from node.core.index import IndexSwap
from node.core.peers import ApiKeyEntry, PeerEntry
from node.core.tokens import hash_token, new_api_key
from node.store.limits import StoreLimits
from node.store.sqlite import SqliteStore
from tests.support.eventually import eventually
from tests.support.fresh import fresh
from tests.support.schema import peer_values, put_key, put_peer, put_peers
from tests.support.sql_writer import SqlWriter

KEY = f"ed25519:{1:064x}"
OTHER_KEY = f"ed25519:{2:064x}"
ANN = PeerEntry("ann", (KEY,), scopes=("a",))


async def test_each_kind_of_change_reaches_the_index(store: SqliteStore, writer: SqlWriter) -> None:
    key = new_api_key()
    writer.commit(put_peer(ANN), put_key(ApiKeyEntry(key[:8], hash_token(key), ("k",))))
    await fresh(store, writer)
    assert store.resolve_from_fingerprint(KEY) == Identity("ann", ("a",))
    assert store.resolve_from_token(AuthToken(key.encode())) == Identity(key[:8], ("k",))

    writer.commit("UPDATE peers SET scopes = '[]'", "DELETE FROM api_keys")
    await fresh(store, writer)
    assert store.resolve_from_fingerprint(KEY) == Identity("ann")
    assert store.resolve_from_token(AuthToken(key.encode())) is None

    writer.commit("UPDATE peers SET peer_id = 'bob'")
    await fresh(store, writer)
    assert store.resolve_from_fingerprint(KEY) == Identity("bob")
    assert set(store.index.peers) == {"bob"}

    writer.commit("UPDATE peers SET enabled = 0")
    await fresh(store, writer)
    assert store.resolve_from_fingerprint(KEY) is None

    writer.commit("DELETE FROM peers")
    await fresh(store, writer)
    assert not store.index.peers


async def test_a_swap_tells_who_changed_and_when_it_was_committed(store: SqliteStore, writer: SqlWriter) -> None:
    swaps: list[IndexSwap] = []
    store.subscribe(swaps.append)
    before = time.time()
    after = writer.commit(put_peer(ANN), put_peer(PeerEntry("bob")))
    await fresh(store, writer)
    changed = frozenset().union(*(swap.changed or () for swap in swaps))
    assert changed == {"ann", "bob"}
    assert swaps[-1].committed_at is not None
    assert before - 0.002 <= swaps[-1].committed_at <= after + 0.002
    assert swaps[-1].swapped_at >= swaps[-1].committed_at - 0.002
    assert swaps[-1].new is store.index
    assert store.index.generation == writer.last_notification()


async def test_a_rollback_changes_nothing_and_wakes_nobody(store: SqliteStore, writer: SqlWriter) -> None:
    swaps: list[IndexSwap] = []
    store.subscribe(swaps.append)
    writer.rollback(put_peer(ANN))
    writer.commit(put_peer(PeerEntry("bob")))
    await fresh(store, writer)
    assert [swap.changed for swap in swaps] == [{"bob"}]
    assert set(store.index.peers) == {"bob"}


async def test_a_commit_to_other_tables_swaps_nothing(store: SqliteStore, writer: SqlWriter) -> None:
    swaps: list[IndexSwap] = []
    store.subscribe(swaps.append)
    writer.commit("INSERT INTO _honker_notifications (channel, payload) VALUES ('someone_elses', 'junk')")
    await fresh(store, writer)
    writer.commit(put_peer(ANN))
    await fresh(store, writer)
    assert [swap.changed for swap in swaps] == [{"ann"}]


async def test_an_open_transaction_of_another_process_hides_nothing(store: SqliteStore, writer: SqlWriter) -> None:
    writer.commit(put_peer(ANN))
    writer.begin("UPDATE peers SET enabled = 0")
    await eventually(lambda: store.resolve_from_fingerprint(KEY))
    writer.commit()
    await eventually(lambda: store.resolve_from_fingerprint(KEY) is None)


@pytest.mark.parametrize("count", [3, 500])
async def test_bulk_writes_reach_the_index(store: SqliteStore, writer: SqlWriter, count: int) -> None:
    peers = [PeerEntry(f"peer {number}", (f"ed25519:{number:064x}",)) for number in range(count)]
    writer.executemany(put_peer(ANN)[0], map(peer_values, peers))
    await fresh(store, writer)
    assert dict(store.index.peers) == {peer.peer_id: peer for peer in peers}
    writer.commit("UPDATE peers SET enabled = 0 WHERE peer_id <> 'peer 0'")
    await fresh(store, writer)
    assert [name for name, peer in store.index.peers.items() if peer.enabled] == ["peer 0"]


@pytest.mark.interop
async def test_the_sqlite3_shell_reaches_the_index(
    store: SqliteStore, writer: SqlWriter, program: Callable[[str], str]
) -> None:
    writer.commit(put_peer(ANN))
    await fresh(store, writer)
    sql = "UPDATE peers SET enabled = 0; INSERT INTO peers VALUES ('bob', '[]', NULL, '[]', '{}', NULL, 1);"
    subprocess.run([program("sqlite3"), str(writer.path), sql], check=True, timeout=30)
    await fresh(store, writer)
    assert {name: peer.enabled for name, peer in store.index.peers.items()} == {"ann": False, "bob": True}


async def test_more_changes_than_a_delta_takes_are_read_by_a_full_reload(writer: SqlWriter) -> None:
    writer.commit(put_peer(ANN))
    store = SqliteStore(writer.path, StoreLimits(page_rows=2, max_delta=6))
    await store.start()
    swaps: list[IndexSwap] = []
    store.subscribe(swaps.append)
    writer.commit(*put_peers(PeerEntry(f"peer {number}") for number in range(20)))
    await fresh(store, writer)
    assert [swap.changed for swap in swaps] == [None]
    assert len(store.index.peers) == 21
    await store.stop()


async def test_a_full_reload_shares_what_did_not_change(store: SqliteStore, writer: SqlWriter) -> None:
    writer.commit(put_peer(ANN))
    await fresh(store, writer)
    before = store.index
    writer.commit("INSERT INTO _honker_notifications (channel, payload) VALUES ('peers_changed', 'junk')")
    await fresh(store, writer)
    assert store.index is not before
    assert store.index.peers["ann"] is before.peers["ann"]
    assert store.index.holders[KEY] is before.holders[KEY]


async def test_the_lowest_name_holds_a_key_that_a_file_gives_to_two(store: SqliteStore, writer: SqlWriter) -> None:
    writer.commit(put_peer(PeerEntry("zoe", (KEY,))), put_peer(ANN))
    await fresh(store, writer)
    assert store.resolve_from_fingerprint(KEY) == Identity("ann", ("a",))
    assert store.index.contested == {KEY}
    writer.commit("DELETE FROM peers WHERE peer_id = 'ann'")
    await fresh(store, writer)
    assert store.resolve_from_fingerprint(KEY) == Identity("zoe")


class Panic(BaseException):
    """Like the one that native code raises: no Exception."""


@pytest.mark.parametrize("error", [RuntimeError, Panic])
async def test_nothing_that_is_raised_ends_the_following(
    store: SqliteStore, writer: SqlWriter, error: type[BaseException]
) -> None:
    def fail(_: IndexSwap) -> None:
        raise error

    store.subscribe(fail)
    writer.commit(put_peer(ANN))
    await eventually(lambda: store.resolve_from_fingerprint(KEY))
    writer.commit("UPDATE peers SET enabled = 0")
    await eventually(lambda: store.resolve_from_fingerprint(KEY) is None)


async def test_following_writes_no_table_but_honkers_own(tmp_path: Path, writer: SqlWriter) -> None:
    writer.commit("CREATE TABLE other (x)", "INSERT INTO other VALUES (1)", put_peer(ANN))
    tables = [str(name) for (name,) in writer.query("SELECT name FROM sqlite_master WHERE type = 'table'")]
    ours = [name for name in tables if not name.startswith(("_honker_", "sqlite_"))]
    before = {name: writer.query(f"SELECT rowid, * FROM {name}") for name in ours}
    schema = writer.query("SELECT name, sql FROM sqlite_master ORDER BY name")
    notifications = writer.query("SELECT * FROM _honker_notifications")
    store = SqliteStore(writer.path)
    await store.start()
    await fresh(store, writer)
    assert store.resolve_from_fingerprint(KEY)
    await store.stop()
    assert {name: writer.query(f"SELECT rowid, * FROM {name}") for name in ours} == before
    assert writer.query("SELECT name, sql FROM sqlite_master ORDER BY name") == schema
    assert writer.query("SELECT * FROM _honker_notifications") == notifications


async def test_a_stopped_store_answers_from_its_last_index(store: SqliteStore, writer: SqlWriter) -> None:
    writer.commit(put_peer(ANN))
    await fresh(store, writer)
    await store.stop()
    await store.stop()
    writer.commit("DELETE FROM peers")
    assert store.resolve_from_fingerprint(KEY) == Identity("ann", ("a",))


async def test_waiting_for_a_notification_that_never_comes_can_be_given_up(store: SqliteStore) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(store.wait_fresh(10**9), 0.01)
