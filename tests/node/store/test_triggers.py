"""A file that no longer tells of its changes is read anew at each commit, until its triggers are back."""

import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from node.core.credentials import EncryptedData
from node.core.index import IndexSwap
from node.core.paths import DataPaths
from node.core.peers import ApiKeyEntry, PeerEntry
from node.store.changes import CHANNELS
from node.store.database import open_database
from node.store.sqlite import SqliteStore
from node.store.triggers import untold_changes
from tests.node.store.conftest import QUICK, manage
from tests.support.eventually import eventually, within
from tests.support.fresh import fresh
from tests.support.schema import TABLES, honker_tables, put_credential, put_key, put_peer, triggers
from tests.support.sql_writer import SqlWriter, sql_writer

KEY = f"ed25519:{1:064x}"
OTHER_KEY = f"ed25519:{2:064x}"
ANN = PeerEntry("ann", (KEY,))
BOB = PeerEntry("bob", (OTHER_KEY,))
API_KEY = ApiKeyEntry("alk_1234", f"sha256:{2:064x}")
SEALED = EncryptedData(2, b"", bytes(12), bytes(16))


@pytest.fixture
def copy(migrated: SqlWriter, tmp_path: Path) -> Iterator[SqlWriter]:
    """On a file of this test's own, as Django migrated it."""
    path = DataPaths(tmp_path).database
    migrated.backup(migrated.path, path)
    with sql_writer(path) as process:
        yield process


@pytest.fixture
async def follower(copy: SqlWriter) -> AsyncIterator[SqliteStore]:
    """Loaded, on the copy."""
    store = SqliteStore(copy.path, QUICK)
    await store.start()
    await within(store.wait_loaded())
    yield store
    await store.stop()


def trigger_names(writer: SqlWriter) -> list[str]:
    return [name for (name,) in writer.query("SELECT name FROM sqlite_master WHERE type = 'trigger' ORDER BY 1")]


def errors(caplog: pytest.LogCaptureFixture) -> list[list[str]]:
    return [record.untold for record in caplog.records if record.levelno >= logging.ERROR]


def untold(writer: SqlWriter) -> list[str]:
    with open_database(writer.path) as database:
        return untold_changes(database)


async def test_a_file_that_lost_its_triggers_is_followed_until_they_are_back(
    follower: SqliteStore, copy: SqlWriter, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "node.store")
    copy.commit(put_peer(ANN))
    await fresh(follower, copy)
    copy.commit(*(f'DROP TRIGGER "{name}"' for name in trigger_names(copy) if name.startswith("alknet_notify_")))
    await eventually(lambda: errors(caplog))

    copy.commit("UPDATE peers SET enabled = 0")
    await eventually(lambda: follower.resolve_from_fingerprint(KEY) is None)
    copy.commit(put_peer(BOB), put_key(API_KEY))
    await eventually(lambda: follower.resolve_from_fingerprint(OTHER_KEY) and follower.index.api_keys)
    copy.commit(put_credential("openai", SEALED))
    await eventually(lambda: follower.get("openai") == SEALED)
    copy.commit("DELETE FROM peers", "DELETE FROM api_keys", "DELETE FROM credentials")
    await eventually(lambda: not follower.index.peers and not follower.index.api_keys and not follower.credentials)
    assert [len(names) for names in errors(caplog)] == [3 * len(CHANNELS)]

    manage(tmp_path, "prepare")
    await eventually(lambda: any("again" in record.message for record in caplog.records))
    swaps: list[IndexSwap] = []
    follower.subscribe(swaps.append)
    copy.commit(put_peer(ANN))
    await fresh(follower, copy)
    assert [swap.changed for swap in swaps] == [{"ann"}]
    assert len(errors(caplog)) == 1


@pytest.mark.parametrize(
    ("lost", "kind"),
    [
        ("alknet_notify_peers_insert", "INSERT of peers"),
        ("alknet_notify_peers_update", "UPDATE of peers"),
        ("alknet_notify_peers_rename", "UPDATE of peers"),
        ("alknet_notify_peers_delete", "DELETE of peers"),
        ("alknet_notify_api_keys_insert", "INSERT of api_keys"),
        ("alknet_notify_api_keys_update", "UPDATE of api_keys"),
        ("alknet_notify_api_keys_rename", "UPDATE of api_keys"),
        ("alknet_notify_api_keys_delete", "DELETE of api_keys"),
        ("alknet_notify_credentials_insert", "INSERT of credentials"),
        ("alknet_notify_credentials_update", "UPDATE of credentials"),
        ("alknet_notify_credentials_rename", "UPDATE of credentials"),
        ("alknet_notify_credentials_delete", "DELETE of credentials"),
    ],
)
def test_each_trigger_that_is_lost_is_missed(copy: SqlWriter, lost: str, kind: str) -> None:
    assert untold(copy) == []
    copy.commit(f'DROP TRIGGER "{lost}"')
    assert untold(copy) == [kind]


@pytest.mark.parametrize(
    ("event", "body"),
    [
        ("AFTER UPDATE ON peers", "DELETE FROM api_keys;"),
        ("AFTER UPDATE ON peers", "INSERT INTO _honker_notifications (channel, payload) VALUES ('elsewhere', '');"),
        ("AFTER UPDATE OF enabled ON peers", "INSERT INTO _honker_notifications VALUES (1, 'peers_changed', '', 0);"),
        (
            "AFTER UPDATE ON peers WHEN NEW.enabled",
            "INSERT INTO _honker_notifications VALUES (1, 'peers_changed', '', 0);",
        ),
        ("AFTER UPDATE ON api_keys", "INSERT INTO _honker_notifications VALUES (1, 'peers_changed', '', 0);"),
        ("BEFORE UPDATE ON peers", "INSERT INTO _honker_notifications VALUES (1, 'peers_changed', '', 0);"),
    ],
)
def test_a_trigger_that_does_not_tell_of_every_change_does_not_count(writer: SqlWriter, event: str, body: str) -> None:
    writer.commit("DROP TRIGGER peers_update", f"CREATE TRIGGER other {event} BEGIN {body} END")
    assert untold(writer) == ["UPDATE of peers"]


async def test_a_table_remade_without_its_triggers_is_followed(
    store: SqliteStore, writer: SqlWriter, caplog: pytest.LogCaptureFixture
) -> None:
    writer.commit(put_peer(ANN), put_peer(BOB))
    await fresh(store, writer)
    writer.commit(
        "CREATE TABLE remade AS SELECT * FROM peers", "DROP TABLE peers", "ALTER TABLE remade RENAME TO peers"
    )
    await eventually(lambda: errors(caplog))
    writer.commit("DELETE FROM peers WHERE peer_id = 'ann'")
    await eventually(lambda: store.resolve_from_fingerprint(KEY) is None)
    assert store.resolve_from_fingerprint(OTHER_KEY) is not None


async def test_a_migration_whose_triggers_come_last_is_nothing_to_complain_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with sql_writer(tmp_path / "alknet.db") as writer:
        for table in filter(str.strip, (honker_tables() + TABLES).split(";\n")):
            writer.commit(table)
        store = SqliteStore(writer.path, QUICK)
        await store.start()
        await within(store.wait_loaded())
        made = [f"{trigger} END" for trigger in triggers().split(" END;\n") if trigger]
        writer.commit(*made)
        writer.commit(put_peer(ANN))
        await eventually(lambda: store.resolve_from_fingerprint(KEY))
        swaps: list[IndexSwap] = []
        store.subscribe(swaps.append)
        writer.commit(put_peer(BOB))
        await fresh(store, writer)
        assert [swap.changed for swap in swaps] == [{"bob"}]
        assert errors(caplog) == []
        await store.stop()
