"""Every way of writing a watched table leaves its notification, in the same transaction, and nothing else does."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, migrations, models, transaction
from django.db.migrations.state import ProjectState

from apps.notify.backends.honker_tables import HonkerTablesFailed
from apps.notify.backends.sqlite import KEPT_ROWS, PRUNE_EVERY
from apps.notify.services import ensure_triggers
from apps.peers import services
from apps.peers.models import ApiKey, Peer
from node.core.peers import PeerEntry
from tests.support.panel import ALICE, draft, notification_listener, sql, token_hash

AddPeer = Callable[..., PeerEntry]
Heard = list[tuple[str, str, str]]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def heard() -> Callable[[], Heard]:
    """The notifications since the last call, as (channel, op, id)."""
    since = notification_listener()
    return lambda: [(channel, payload["op"], payload["id"]) for channel, payload in since()]


def peer(peer_id: str, **fields: Any) -> Peer:
    return Peer(peer_id=peer_id, **fields)


def test_save_and_delete_of_a_model(heard: Callable[[], Heard]) -> None:
    row = peer("a")
    row.save()
    row.enabled = False
    row.save()
    row.delete()

    assert heard() == [
        ("peers_changed", "insert", "a"),
        ("peers_changed", "update", "a"),
        ("peers_changed", "delete", "a"),
    ]


def test_bulk_writes(heard: Callable[[], Heard]) -> None:
    Peer.objects.bulk_create([peer("a"), peer("b")])
    assert heard() == [("peers_changed", "insert", "a"), ("peers_changed", "insert", "b")]

    Peer.objects.update(enabled=False)
    assert sorted(heard()) == [("peers_changed", "update", "a"), ("peers_changed", "update", "b")]

    Peer.objects.bulk_create(
        [peer("b"), peer("c")], update_conflicts=True, unique_fields=["peer_id"], update_fields=["enabled"]
    )
    assert heard() == [("peers_changed", "update", "b"), ("peers_changed", "insert", "c")]

    Peer.objects.all().delete()
    assert sorted(heard()) == [("peers_changed", "delete", name) for name in "abc"]


@pytest.mark.parametrize("verb", ["INSERT OR REPLACE", "REPLACE"])
def test_a_row_that_a_replace_evicts_is_heard_of(heard: Callable[[], Heard], verb: str) -> None:
    Peer.objects.bulk_create([peer("a", auth_token_hash=token_hash("t")), peer("b")])
    heard()
    columns = "peer_id, fingerprints, auth_token_hash, scopes, resources, enabled"
    sql(f"{verb} INTO peers ({columns}) VALUES ('b', '[]', %s, '[]', '{{}}', 1)", token_hash("t"))
    assert list(Peer.objects.values_list("pk", flat=True)) == ["b"]
    assert heard() == [("peers_changed", "delete", "a"), ("peers_changed", "insert", "b")]


def test_a_row_that_an_update_evicts_is_heard_of(heard: Callable[[], Heard]) -> None:
    Peer.objects.bulk_create([peer("a", auth_token_hash=token_hash("t")), peer("b")])
    heard()
    sql("UPDATE OR REPLACE peers SET auth_token_hash = %s WHERE peer_id = 'b'", token_hash("t"))
    assert list(Peer.objects.values_list("pk", flat=True)) == ["b"]
    assert heard() == [("peers_changed", "delete", "a"), ("peers_changed", "update", "b")]


def test_a_refused_duplicate_leaves_no_notification(heard: Callable[[], Heard]) -> None:
    Peer.objects.bulk_create([peer("a", auth_token_hash=token_hash("t"))])
    heard()
    with pytest.raises(IntegrityError):
        peer("b", auth_token_hash=token_hash("t")).save()
    assert heard() == []


def test_raw_sql_of_another_process(heard: Callable[[], Heard]) -> None:
    statement = (
        "INSERT INTO peers (peer_id, fingerprints, scopes, resources, enabled) VALUES ('raw', '[]', '[]', '{}', 1)"
    )
    program = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit(); c.close()"
    subprocess.run([sys.executable, "-c", program, connection.settings_dict["NAME"], statement], check=True)

    assert heard() == [("peers_changed", "insert", "raw")]


def test_a_rename_ends_the_old_name_and_begins_the_new(heard: Callable[[], Heard], add_peer: AddPeer) -> None:
    add_peer("old")
    heard()
    services.update_peer(actor=ALICE, peer_id="old", changes={"peer_id": "new"})

    assert heard() == [("peers_changed", "delete", "old"), ("peers_changed", "insert", "new")]


def test_api_keys_have_their_own_channel(heard: Callable[[], Heard]) -> None:
    new = services.create_api_key(actor=ALICE, description="", scopes=[])
    ApiKey.objects.update(description="x")
    ApiKey.objects.all().delete()

    assert heard() == [("api_keys_changed", op, new.entry.prefix) for op in ("insert", "update", "delete")]


def test_a_rollback_leaves_nothing(heard: Callable[[], Heard]) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        peer("a").save()
        raise ZeroDivisionError
    with transaction.atomic():
        peer("kept").save()
        with pytest.raises(IntegrityError), transaction.atomic():
            peer("b", auth_token_hash=token_hash(1)).save()
            peer("c", auth_token_hash=token_hash(1)).save(force_insert=True)

    assert heard() == [("peers_changed", "insert", "kept")]


def test_a_read_and_a_write_of_another_table_leave_nothing(heard: Callable[[], Heard], django_user_model: Any) -> None:
    list(Peer.objects.all())
    django_user_model.objects.create_user("bob")

    assert heard() == []


def test_the_payload_says_when_in_unix_seconds_with_milliseconds() -> None:
    before = time.time()
    services.create_peer(actor=ALICE, draft=draft("a"))
    after = time.time()

    payload = json.loads(sql("SELECT payload FROM _honker_notifications ORDER BY id DESC LIMIT 1")[0][0])
    assert payload.keys() == {"op", "table", "id", "at"}
    assert payload["table"] == "peers"
    assert before - 0.002 <= payload["at"] <= after + 0.002


@pytest.mark.parametrize("name", ["it's", 'quo"te', "ünïcode ✓", "back\\slash", "{}"])
def test_any_name_survives_in_the_payload(name: str, heard: Callable[[], Heard]) -> None:
    peer(name).save()

    assert heard() == [("peers_changed", "insert", name)]


def test_old_notifications_go_and_the_last_ones_stay() -> None:
    many = KEPT_ROWS + 3 * PRUNE_EVERY
    Peer.objects.bulk_create([peer(f"p{n}") for n in range(many)])

    count, lowest, highest = sql("SELECT count(*), min(id), max(id) FROM _honker_notifications")[0]
    assert KEPT_ROWS <= count < KEPT_ROWS + PRUNE_EVERY
    assert highest - lowest == count - 1


def triggers() -> set[str]:
    return {name for (name,) in sql("SELECT name FROM sqlite_master WHERE type = 'trigger'")}


@contextmanager
def remade_table() -> Iterator[None]:
    """The real table after a migration's AlterField, which SQLite can only do by making it anew."""
    operation = migrations.AlterField("peer", "display_name", models.TextField(default=""))
    state = ProjectState.from_apps(Peer._meta.apps)
    changed = state.clone()
    operation.state_forwards("peers", changed)
    with connection.schema_editor(atomic=True) as editor:
        operation.database_forwards("peers", editor, state, changed)
    try:
        yield
    finally:
        with connection.schema_editor(atomic=True) as editor:
            operation.database_backwards("peers", editor, changed, state)
        ensure_triggers()


def test_triggers_survive_the_remake_of_a_table_by_a_migration(heard: Callable[[], Heard]) -> None:
    peer("kept", display_name="x").save()
    before = triggers()
    with remade_table():
        assert triggers() < before, "the remake kept the triggers: this test proves nothing any more"
        call_command("migrate", verbosity=0)
        assert triggers() == before
        heard()
        Peer.objects.update(enabled=False)
        assert heard() == [("peers_changed", "update", "kept")]


def test_ensuring_repairs_what_is_missing_changed_or_left_over() -> None:
    wanted = triggers()
    sql("DROP TRIGGER alknet_notify_peers_update")
    sql("DROP TRIGGER alknet_notify_peers_delete")
    sql("CREATE TRIGGER alknet_notify_peers_delete AFTER DELETE ON peers BEGIN SELECT 1; END")
    sql("CREATE TRIGGER alknet_notify_gone_insert AFTER INSERT ON auth_group BEGIN SELECT 1; END")

    assert ensure_triggers() == [
        "alknet_notify_gone_insert",
        "alknet_notify_peers_delete",
        "alknet_notify_peers_update",
    ]
    assert triggers() == wanted
    assert ensure_triggers() == []


def test_a_trigger_of_somebody_else_is_left_alone() -> None:
    sql("CREATE TRIGGER theirs AFTER INSERT ON auth_group BEGIN SELECT 1; END")
    try:
        assert ensure_triggers() == []
        assert "theirs" in triggers()
    finally:
        sql("DROP TRIGGER theirs")


def test_missing_triggers_are_a_warning_of_the_system_check(capsys: pytest.CaptureFixture[str]) -> None:
    sql("DROP TRIGGER alknet_notify_peers_update")
    try:
        call_command("check", databases=["default"])
        assert "notify.W001" in capsys.readouterr().err
    finally:
        ensure_triggers()
    call_command("check", databases=["default"])
    assert "notify.W001" not in capsys.readouterr().err


def test_honker_makes_its_tables_and_never_inside_a_transaction() -> None:
    with connection.cursor() as cursor:
        tables = [name for name in connection.introspection.table_names(cursor) if name.startswith("_honker_")]
    for name in tables:
        sql(f"DROP TABLE {name}")
    try:
        with pytest.raises(HonkerTablesFailed), transaction.atomic():
            ensure_triggers()
    finally:
        ensure_triggers()
    assert set(tables) <= set(connection.introspection.table_names())
    services.create_peer(actor=ALICE, draft=draft("a"))
    assert sql("SELECT count(*) FROM _honker_notifications") == [(1,)]
