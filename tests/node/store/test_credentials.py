"""Sealed credentials follow the file beside the peers, and neither disturbs the other."""

import asyncio
import logging
import time
from dataclasses import replace
from pathlib import Path

import pytest

from node.core.credential_index import CredentialSwap
from node.core.credentials import MAX_DATA, MAX_SALT, EncryptedData
from node.core.errors import BackendError
from node.core.index import IndexSwap
from node.core.peers import PeerEntry
from node.honker_file import Row
from node.store.changes import current_position, read_changes
from node.store.database import open_database
from node.store.limits import StoreLimits
from node.store.reader import RowReader
from node.store.sqlite import SqliteStore
from tests.node.store.conftest import QUICK
from tests.support.eventually import eventually, within
from tests.support.fresh import fresh
from tests.support.schema import TABLES, honker_tables, put_credential, put_peer, triggers
from tests.support.sql_writer import SqlWriter, sql_writer

SEALED = EncryptedData(2, bytes(range(32)), bytes(range(12)), bytes(range(60)))
OTHER = EncryptedData(3, b"", bytes(12), bytes(16))
ANN = PeerEntry("ann", (f"ed25519:{1:064x}",))


async def test_each_kind_of_change_is_followed(store: SqliteStore, writer: SqlWriter) -> None:
    writer.commit(put_credential("openai", SEALED), put_credential("github", OTHER))
    await fresh(store, writer)
    assert dict(store.credentials) == {"openai": SEALED, "github": OTHER}
    writer.commit("UPDATE credentials SET key_version = 7 WHERE provider = 'openai'")
    await fresh(store, writer)
    assert store.get("openai") == replace(SEALED, key_version=7)
    writer.commit("UPDATE credentials SET provider = 'gitlab' WHERE provider = 'github'")
    await fresh(store, writer)
    assert store.list_providers() == ("gitlab", "openai")
    writer.commit("DELETE FROM credentials")
    await fresh(store, writer)
    assert store.list_providers() == ()


async def test_a_swap_tells_which_changed_and_when_it_was_committed(store: SqliteStore, writer: SqlWriter) -> None:
    swaps: list[CredentialSwap] = []
    store.subscribe_credentials(swaps.append)
    before = time.time()
    after = writer.commit(put_credential("openai", SEALED), put_credential("github", OTHER))
    await fresh(store, writer)
    assert frozenset().union(*(swap.changed or () for swap in swaps)) == {"openai", "github"}
    last = swaps[-1]
    assert last.committed_at is not None
    assert before - 0.002 <= last.committed_at <= after + 0.002
    assert last.new is store.credentials
    assert not swaps[0].old


async def test_neither_kind_of_commit_swaps_the_other_kind(store: SqliteStore, writer: SqlWriter) -> None:
    peers: list[IndexSwap] = []
    credentials: list[CredentialSwap] = []
    store.subscribe(peers.append)
    store.subscribe_credentials(credentials.append)
    index = store.index
    writer.commit(put_credential("openai", SEALED))
    await fresh(store, writer)
    assert (len(peers), len(credentials)) == (0, 1)
    assert store.index is index
    held = store.credentials
    writer.commit(put_peer(ANN))
    await fresh(store, writer)
    assert (len(peers), len(credentials)) == (1, 1)
    assert store.credentials is held


async def test_a_rollback_stores_nothing(store: SqliteStore, writer: SqlWriter) -> None:
    writer.rollback(put_credential("openai", SEALED))
    writer.commit(put_credential("github", OTHER))
    await fresh(store, writer)
    assert store.list_providers() == ("github",)


@pytest.mark.parametrize(
    ("column", "junk"),
    [
        ("key_version", "'two'"),
        ("key_version", "0"),
        ("key_version", "-1"),
        ("key_version", "2.5"),
        ("key_version", "x'02'"),
        ("salt", "'text'"),
        ("salt", f"zeroblob({MAX_SALT + 1})"),
        ("iv", "zeroblob(11)"),
        ("iv", "zeroblob(13)"),
        ("iv", "'twelve chars'"),
        ("iv", "zeroblob(100000000)"),
        ("data", "zeroblob(15)"),
        ("data", f"zeroblob({MAX_DATA + 1})"),
        ("data", "7"),
    ],
)
async def test_a_bad_row_costs_its_own_credential_only(
    store: SqliteStore, writer: SqlWriter, caplog: pytest.LogCaptureFixture, column: str, junk: str
) -> None:
    writer.commit(put_credential("openai", SEALED), put_credential("github", OTHER), put_peer(ANN))
    writer.commit(f"UPDATE credentials SET {column} = {junk} WHERE provider = 'openai'")
    await fresh(store, writer)
    assert dict(store.credentials) == {"github": OTHER}
    assert set(store.index.peers) == {"ann"}
    assert store.bad_rows > 0
    told = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert {(record.table, record.row) for record in told} == {("credentials", "openai")}  # type: ignore[attr-defined]
    assert [column in record.error for record in told] == [True] * store.bad_rows  # type: ignore[attr-defined]

    anew = SqliteStore(writer.path, QUICK)
    await anew.start()
    assert dict(anew.credentials) == {"github": OTHER}
    await anew.stop()

    writer.commit(put_credential("openai", SEALED))
    await fresh(store, writer)
    assert dict(store.credentials) == {"openai": SEALED, "github": OTHER}


async def test_a_row_without_a_readable_name_is_dropped_alone(store: SqliteStore, writer: SqlWriter) -> None:
    values = f"2, x'', x'{bytes(12).hex()}', x'{bytes(16).hex()}'"
    names = ["''", "' padded'", "cast(x'ff' AS TEXT)", f"'{'x' * 300}'", "'two' || char(10) || 'lines'"]
    inserts = [f"INSERT INTO credentials (provider, key_version, salt, iv, data) VALUES ({n}, {values})" for n in names]
    writer.commit(put_credential("openai", SEALED), *inserts)
    await fresh(store, writer)
    assert dict(store.credentials) == {"openai": SEALED}


async def test_many_large_ones_are_read_at_the_start(writer: SqlWriter) -> None:
    large = EncryptedData(2, bytes(32), bytes(12), bytes(MAX_DATA))
    names = [f"provider {number:02}" for number in range(40)]
    for name in names:
        writer.commit(put_credential(name, OTHER))
    writer.commit(f"UPDATE credentials SET key_version = 2, salt = zeroblob(32), data = zeroblob({MAX_DATA})")
    store = SqliteStore(writer.path, StoreLimits(page_rows=10_000))
    await store.start()
    assert store.list_providers() == tuple(names)
    assert all(store.get(name) == large for name in names)
    await store.stop()


async def test_a_store_waits_for_a_file_that_has_no_such_table_yet(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    older = TABLES[: TABLES.index("CREATE TABLE credentials")]
    begin = triggers().index("CREATE TRIGGER credentials")
    with sql_writer(tmp_path / "alknet.db") as writer:
        for statement in filter(str.strip, (honker_tables() + older).split(";\n")):
            writer.commit(statement)
        writer.commit(*(f"{trigger} END" for trigger in triggers()[:begin].split(" END;\n") if trigger), put_peer(ANN))
        store = SqliteStore(writer.path, QUICK)
        await store.start()
        assert not store.loaded
        assert store.complaint
        assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
        writer.commit(*filter(str.strip, TABLES[TABLES.index("CREATE TABLE credentials") :].split(";\n")))
        writer.commit(*(f"{trigger} END" for trigger in triggers()[begin:].split(" END;\n") if trigger))
        await within(store.wait_loaded())
        writer.commit(put_credential("openai", SEALED))
        await fresh(store, writer)
        assert set(store.index.peers) == {"ann"}
        assert dict(store.credentials) == {"openai": SEALED}
        await store.stop()


async def test_what_is_written_is_the_row_of_the_contract(store: SqliteStore, writer: SqlWriter) -> None:
    await store.put("openai", SEALED)
    columns = "provider, key_version, hex(salt), hex(iv), hex(data), typeof(salt) || typeof(iv) || typeof(data)"
    sealed = [value.hex().upper() for value in (SEALED.salt, SEALED.iv, SEALED.data)]
    assert writer.query(f"SELECT {columns} FROM credentials") == [["openai", 2, *sealed, "blobblobblob"]]
    [[changed_at]] = writer.query("SELECT changed_at FROM credentials")
    assert changed_at


async def test_writes_of_both_kinds_take_turns(store: SqliteStore, writer: SqlWriter) -> None:
    peers = [PeerEntry(f"peer {number:02}") for number in range(10)]
    names = [f"provider {number:02}" for number in range(10)]
    await asyncio.gather(*(store.put_peer(peer) for peer in peers), *(store.put(name, SEALED) for name in names))
    await fresh(store, writer)
    assert sorted(store.index.peers) == [peer.peer_id for peer in peers]
    assert store.list_providers() == tuple(names)


async def test_a_write_that_the_table_refuses_is_the_contracts_error(store: SqliteStore, writer: SqlWriter) -> None:
    writer.commit("DROP TABLE credentials")
    with pytest.raises(BackendError, match="no such table"):
        await store.put("openai", SEALED)
    with pytest.raises(BackendError, match="no such table"):
        await store.delete("openai")


async def test_a_stopped_store_answers_from_what_it_read_last(store: SqliteStore, writer: SqlWriter) -> None:
    writer.commit(put_credential("openai", SEALED))
    await fresh(store, writer)
    await store.stop()
    assert store.get("openai") == SEALED
    with pytest.raises(BackendError, match="not open"):
        await store.put("openai", OTHER)


async def test_a_subscriber_that_fails_costs_no_change(store: SqliteStore, writer: SqlWriter) -> None:
    def fail(_: CredentialSwap) -> None:
        raise RuntimeError

    store.subscribe_credentials(fail)
    writer.commit(put_credential("openai", SEALED))
    await eventually(lambda: store.get("openai") == SEALED)
    writer.commit("DELETE FROM credentials")
    await eventually(lambda: store.get("openai") is None)


async def test_a_long_credential_that_changed_often_is_read_once(writer: SqlWriter) -> None:
    with open_database(writer.path) as database:
        position = current_position(database)
        assert position is not None
        writer.commit(put_credential("openai", SEALED), put_credential("github", OTHER))
        for number in range(30):
            writer.commit(f"UPDATE credentials SET salt = zeroblob({number}), data = zeroblob({MAX_DATA})")
        reader = CountingReader()
        changes = await read_changes(database, position, reader, page_rows=200)
    assert reader.credentials == 2
    assert {name: found and len(found.salt) for name, found in changes.credentials.items()} == {
        "openai": 29,
        "github": 29,
    }
    assert changes.position.last_id == writer.last_notification()


class CountingReader(RowReader):
    """Counts the rows of credentials that it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.credentials = 0

    def credential(self, row: Row) -> EncryptedData | None:
        self.credentials += 1
        return super().credential(row)
