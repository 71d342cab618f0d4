"""What goes wrong with a file, and how the store comes back: never with rights that the file does not give."""

import asyncio
import logging
from pathlib import Path

import pytest

from node.core.identity import Identity
from node.core.index import IndexSwap
from node.core.peers import ApiKeyEntry, PeerEntry
from node.store.sqlite import SqliteStore
from tests.node.store.conftest import QUICK
from tests.support.eventually import eventually
from tests.support.fresh import fresh
from tests.support.schema import put_key, put_peer
from tests.support.sql_writer import SqlWriter, sql_writer

KEY = f"ed25519:{1:064x}"
OTHER_KEY = f"ed25519:{2:064x}"
ANN = PeerEntry("ann", (KEY,))
BOB = PeerEntry("bob", (OTHER_KEY,))


def knows(store: SqliteStore, *names: str) -> bool:
    return set(store.index.peers) == set(names)


@pytest.mark.parametrize(
    ("column", "junk"),
    [
        ("fingerprints", "'no json'"),
        ("fingerprints", "'[\"ed25519:00\"]'"),
        ("fingerprints", "cast(x'5b22ff225d' AS TEXT)"),
        ("fingerprints", "x'5b5d'"),
        ("fingerprints", "7"),
        ("fingerprints", f"'{'[' * 100_000}'"),
        ("auth_token_hash", "'sha256:short'"),
        ("auth_token_hash", "cast(x'ff' AS TEXT)"),
        ("scopes", "'[\"two words\"]'"),
        ("scopes", "'null'"),
        ("resources", "'[]'"),
        ("display_name", "'two' || char(10) || 'lines'"),
        ("enabled", "'yes'"),
        ("enabled", "2"),
    ],
)
async def test_a_bad_row_costs_its_own_peer_only(
    store: SqliteStore, writer: SqlWriter, caplog: pytest.LogCaptureFixture, column: str, junk: str
) -> None:
    writer.commit(put_peer(ANN), put_peer(BOB))
    writer.commit(f"UPDATE peers SET {column} = {junk} WHERE peer_id = 'ann'")
    await fresh(store, writer)
    assert knows(store, "bob")
    assert store.resolve_from_fingerprint(KEY) is None
    assert store.bad_rows > 0
    assert [record.row for record in caplog.records if record.levelno == logging.ERROR] == ["ann"] * store.bad_rows

    anew = SqliteStore(writer.path, QUICK)
    await anew.start()
    assert anew.index == store.index
    await anew.stop()

    writer.commit(put_peer(ANN))
    await fresh(store, writer)
    assert knows(store, "ann", "bob")


async def test_a_row_without_a_readable_name_is_dropped_alone(store: SqliteStore, writer: SqlWriter) -> None:
    columns = "'[]', NULL, '[]', '{}', NULL, 1"
    writer.commit(
        put_peer(ANN),
        f"INSERT INTO peers VALUES ('', {columns}), (' padded', {columns}), (cast(x'ff' AS TEXT), {columns})",
    )
    await fresh(store, writer)
    assert knows(store, "ann")


async def test_a_bad_api_key_is_dropped_alone(store: SqliteStore, writer: SqlWriter) -> None:
    good = ApiKeyEntry("alk_good", f"sha256:{1:064x}")
    writer.commit(put_key(good), put_key(ApiKeyEntry("alk_evil", "no hash")), put_key(ApiKeyEntry("short", good.hash)))
    await fresh(store, writer)
    assert dict(store.index.api_keys) == {"alk_good": good}


async def test_a_writer_killed_before_its_commit_leaves_nothing(store: SqliteStore, writer: SqlWriter) -> None:
    swaps: list[IndexSwap] = []
    store.subscribe(swaps.append)
    writer.begin(put_peer(ANN))
    writer.kill()
    writer.commit(put_peer(BOB))
    await fresh(store, writer)
    assert knows(store, "bob")
    assert [swap.changed for swap in swaps] == [{"bob"}]


async def test_a_commit_counts_though_its_writer_is_killed_right_after(store: SqliteStore, writer: SqlWriter) -> None:
    writer.commit(put_peer(ANN))
    writer.kill()
    await eventually(lambda: knows(store, "ann"))


async def test_a_backup_restored_into_the_live_file_takes_effect(
    store: SqliteStore, writer: SqlWriter, tmp_path: Path
) -> None:
    writer.commit(put_peer(ANN))
    writer.backup(writer.path, tmp_path / "old.db")
    writer.commit("DELETE FROM peers", put_peer(BOB))
    for number in range(5):
        writer.commit(f"UPDATE peers SET display_name = '{number}'")
    await eventually(lambda: knows(store, "bob"))
    writer.backup(tmp_path / "old.db", writer.path)
    await eventually(lambda: knows(store, "ann"))
    writer.commit(put_peer(BOB))
    await eventually(lambda: knows(store, "ann", "bob"))


async def test_a_file_replaced_by_another_is_opened_and_read(
    store: SqliteStore, writer: SqlWriter, tmp_path: Path
) -> None:
    writer.commit(put_peer(ANN))
    await eventually(lambda: knows(store, "ann"))
    with sql_writer(tmp_path / "new.db") as other:
        other.migrate()
        other.commit(put_peer(BOB))
    for name in ("alknet.db-wal", "alknet.db-shm"):
        (tmp_path / name).unlink()  # they belong to the old file, and SQLite would read them into the new one
    (tmp_path / "new.db").rename(writer.path)
    await eventually(lambda: knows(store, "bob"))
    with sql_writer(writer.path) as other:
        other.commit(put_peer(ANN))
        await eventually(lambda: knows(store, "ann", "bob"))


async def test_a_deleted_file_keeps_the_last_index_and_is_never_made_anew(
    store: SqliteStore, writer: SqlWriter
) -> None:
    writer.commit(put_peer(ANN))
    await eventually(lambda: knows(store, "ann"))
    writer.close()
    for name in ("alknet.db-wal", "alknet.db-shm", "alknet.db"):
        (writer.path.parent / name).unlink(missing_ok=True)
    await asyncio.sleep(0.4)  # the watcher looks at the file's inode ten times a second
    assert not writer.path.exists()
    assert store.resolve_from_fingerprint(KEY) == Identity("ann")
    with sql_writer(writer.path) as other:
        other.migrate()
        other.commit(put_peer(BOB))
        await eventually(lambda: knows(store, "bob"))


async def test_a_store_started_before_the_migration_fills_when_it_comes(tmp_path: Path) -> None:
    path = tmp_path / "data" / "alknet.db"
    store = SqliteStore(path, QUICK)
    await store.start()
    assert (store.loaded, path.exists()) == (False, False)
    assert store.resolve_from_fingerprint(KEY) is None
    path.parent.mkdir()
    with sql_writer(path) as writer:
        await asyncio.sleep(0.05)
        assert not store.loaded
        writer.migrate()
        await asyncio.wait_for(store.wait_loaded(), 20)
        writer.commit(put_peer(ANN))
        await eventually(lambda: knows(store, "ann"))
    await store.stop()


async def test_notifications_pruned_while_away_are_made_up_for(store: SqliteStore, writer: SqlWriter) -> None:
    writer.commit(put_peer(ANN))
    await fresh(store, writer)
    writer.commit(
        put_peer(BOB), "DELETE FROM peers WHERE peer_id = 'ann'", "DELETE FROM _honker_notifications WHERE id < 3"
    )
    await eventually(lambda: knows(store, "bob"))
    writer.commit(put_peer(ANN), "DELETE FROM _honker_notifications")
    await eventually(lambda: knows(store, "ann", "bob"))
    writer.commit("DELETE FROM peers WHERE peer_id = 'bob'")
    await eventually(lambda: knows(store, "ann"))


@pytest.mark.parametrize(
    "payload", ["junk", "[]", "{}", '{"id": 7}', '{"id": null}', '{"id": ["ann"]}', '"ann"', "", '{"id": "\\ud800"}']
)
async def test_a_junk_notification_means_reading_everything(
    store: SqliteStore, writer: SqlWriter, payload: str
) -> None:
    swaps: list[IndexSwap] = []
    store.subscribe(swaps.append)
    junk = "INSERT INTO _honker_notifications (channel, payload) VALUES ('peers_changed', ?)"
    writer.commit(put_peer(ANN), (junk, (payload,)))
    await eventually(lambda: knows(store, "ann"))
    assert [swap.changed for swap in swaps] == [None]


async def test_a_hint_with_two_ids_cannot_mix_up_two_rows(store: SqliteStore, writer: SqlWriter) -> None:
    writer.commit(put_peer(ANN), put_peer(BOB))
    junk = '{"id": "ann", "id": "bob"}'
    writer.commit(("INSERT INTO _honker_notifications (channel, payload) VALUES ('peers_changed', ?)", (junk,)))
    await fresh(store, writer)
    assert dict(store.index.peers) == {"ann": ANN, "bob": BOB}


async def test_changes_made_while_the_triggers_were_gone_are_found_when_they_are_back(
    store: SqliteStore, writer: SqlWriter
) -> None:
    writer.commit(put_peer(ANN))
    await eventually(lambda: knows(store, "ann"))
    [(trigger,)] = writer.query("SELECT sql FROM sqlite_master WHERE name = 'peers_update'")
    writer.commit("DROP TRIGGER peers_update", "UPDATE peers SET enabled = 0", trigger)
    await eventually(lambda: store.resolve_from_fingerprint(KEY) is None)


async def test_a_file_that_cannot_be_read_keeps_the_old_index_until_it_can(
    store: SqliteStore, writer: SqlWriter, caplog: pytest.LogCaptureFixture
) -> None:
    writer.commit(put_peer(ANN))
    await eventually(lambda: knows(store, "ann"))
    writer.commit("ALTER TABLE peers RENAME COLUMN fingerprints TO prints")
    await eventually(lambda: any("prints" in str(getattr(record, "error", "")) for record in caplog.records))
    assert knows(store, "ann")
    writer.commit("ALTER TABLE peers RENAME COLUMN prints TO fingerprints", put_peer(BOB))
    await eventually(lambda: knows(store, "ann", "bob"))


async def test_tables_that_are_gone_keep_the_old_index(store: SqliteStore, writer: SqlWriter) -> None:
    writer.commit(put_peer(ANN))
    await eventually(lambda: knows(store, "ann"))
    writer.commit("ALTER TABLE peers RENAME TO elsewhere")
    writer.commit("ALTER TABLE elsewhere RENAME TO peers", put_peer(BOB))
    await eventually(lambda: knows(store, "ann", "bob"))


async def test_a_file_that_is_no_database_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "alknet.db"
    path.write_bytes(b"not a database, by far" * 100)
    store = SqliteStore(path, QUICK)
    await store.start()
    assert not store.loaded
    with sql_writer(tmp_path / "good.db") as writer:
        writer.migrate()
        writer.commit(put_peer(ANN))
    (tmp_path / "good.db").rename(path)
    await eventually(lambda: knows(store, "ann"))
    await store.stop()


async def test_vacuum_and_checkpoints_lose_nothing(store: SqliteStore, writer: SqlWriter) -> None:
    writer.commit(put_peer(ANN))
    writer.query("PRAGMA wal_checkpoint(TRUNCATE)")
    writer.query("VACUUM")
    writer.commit(put_peer(BOB))
    await eventually(lambda: knows(store, "ann", "bob"))


async def test_a_lock_held_by_a_writer_delays_no_reader(store: SqliteStore, writer: SqlWriter) -> None:
    writer.commit(put_peer(ANN))
    writer.begin(put_peer(BOB))
    await eventually(lambda: knows(store, "ann"))
    writer.rollback()
