"""The triggers that make the audit log append-only, and what tells that they are gone."""

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from apps.audit.chain import GENESIS
from apps.audit.guards import ensure_guards, without_guards, wrong_guards
from apps.audit.models import AuditEntry, Checkpoint
from node.core.append_only import APPEND_ONLY_TABLES
from tests.support.panel import sql

pytestmark = pytest.mark.django_db(transaction=True)

AddPeer = Callable[..., object]
COLUMNS = "at, actor_kind, actor_name, action, object_type, object_id, request_id, hash"
REFUSAL = r"append-only|without gaps"
VALUES = f"'', '', '', '', '', '', '', '{GENESIS}'"


@pytest.fixture
def two(add_peer: AddPeer) -> None:
    add_peer("a")
    add_peer("b")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_auditentry SET actor_name = 'mallory' WHERE id = 1",
        "UPDATE audit_auditentry SET id = 9 WHERE id = 2",
        "UPDATE OR REPLACE audit_auditentry SET id = 1 WHERE id = 2",
        "DELETE FROM audit_auditentry WHERE id = 2",
        "DELETE FROM audit_auditentry",
        f"INSERT OR REPLACE INTO audit_auditentry (id, {COLUMNS}) VALUES (2, {VALUES})",
        f"REPLACE INTO audit_auditentry (id, {COLUMNS}) VALUES (1, {VALUES})",
        f"INSERT INTO audit_auditentry (id, {COLUMNS}) VALUES (4, {VALUES})",
        f"INSERT INTO audit_auditentry (id, {COLUMNS}) VALUES (-1, {VALUES})",
        f"INSERT INTO audit_auditentry ({COLUMNS}) VALUES ({VALUES})",
        f"INSERT OR IGNORE INTO audit_auditentry (id, {COLUMNS}) VALUES (2, {VALUES})",
        f"INSERT INTO audit_auditentry (id, {COLUMNS}) VALUES (2, {VALUES}) "
        "ON CONFLICT (id) DO UPDATE SET actor_name = 'mallory'",
        "UPDATE audit_auditentry SET rowid = 9 WHERE id = 2",
        "UPDATE OR IGNORE audit_auditentry SET _rowid_ = rowid + 7",
        "UPDATE audit_auditentry SET hash = other FROM (SELECT 1 AS other)",
        "WITH two AS (SELECT 2) DELETE FROM audit_auditentry WHERE oid IN two",
    ],
)
def test_no_row_is_changed_removed_or_put_elsewhere_than_at_the_end(two: None, statement: str) -> None:
    before = sql("SELECT * FROM audit_auditentry")
    for recursive in ("OFF", "ON"):  # without it REPLACE fires no trigger for the row that it removes
        sql(f"PRAGMA recursive_triggers = {recursive}")
        with pytest.raises(DatabaseError, match=REFUSAL):
            sql(statement)
    sql("PRAGMA recursive_triggers = OFF")
    assert sql("SELECT * FROM audit_auditentry") == before


def test_checkpoints_are_append_only_likewise() -> None:
    Checkpoint.objects.create(pk=1, number=1, hash=GENESIS, fingerprint="", signed_at="", signature="")
    for change in (
        lambda: Checkpoint.objects.update(number=2),
        lambda: Checkpoint.objects.all().delete(),
        lambda: Checkpoint.objects.create(number=1, hash=GENESIS, fingerprint="", signed_at="", signature=""),
    ):
        with pytest.raises(DatabaseError, match=REFUSAL):
            change()
    assert Checkpoint.objects.count() == 1


def test_the_orm_and_the_command_that_empties_tables_are_refused_alike(two: None) -> None:
    entry = AuditEntry.objects.first()
    assert entry is not None
    entry.actor_name = "mallory"
    for change in (entry.save, entry.delete, AuditEntry.objects.all().delete):
        with pytest.raises(DatabaseError, match="append-only"):
            change()
    assert AuditEntry.objects.count() == 2


def test_the_remake_of_a_table_drops_them_and_a_migrate_makes_them_anew(two: None) -> None:
    with connection.schema_editor(atomic=True) as editor:
        editor._remake_table(AuditEntry)  # type: ignore[attr-defined]
    assert len(wrong_guards()) == 3
    call_command("migrate", verbosity=0)
    assert wrong_guards() == []
    with pytest.raises(DatabaseError, match="append-only"):
        AuditEntry.objects.all().delete()


def test_ensuring_repairs_what_is_missing_changed_or_left_over() -> None:
    sql("DROP TRIGGER alknet_audit_audit_auditentry_delete")
    sql("DROP TRIGGER alknet_audit_audit_checkpoint_update")
    sql("CREATE TRIGGER alknet_audit_audit_checkpoint_update BEFORE UPDATE ON audit_checkpoint BEGIN SELECT 1; END")
    sql("CREATE TRIGGER alknet_audit_gone BEFORE UPDATE ON auth_group BEGIN SELECT 1; END")
    assert wrong_guards() == [
        "alknet_audit_audit_auditentry_delete",
        "alknet_audit_audit_checkpoint_update",
        "alknet_audit_gone",
    ]
    assert ensure_guards() == [
        "alknet_audit_audit_auditentry_delete",
        "alknet_audit_audit_checkpoint_update",
        "alknet_audit_gone",
    ]
    assert ensure_guards() == wrong_guards() == []


def test_a_trigger_that_swallows_rows_lets_no_change_through(two: None, add_peer: AddPeer) -> None:
    sql('CREATE TRIGGER "a ""b" BEFORE INSERT ON audit_auditentry BEGIN SELECT RAISE(IGNORE); END')
    assert wrong_guards() == ['a "b']
    with pytest.raises(DatabaseError, match="not ours"):
        add_peer("c")
    assert sql("SELECT count(*) FROM peers") == sql("SELECT count(*) FROM audit_auditentry") == [(2,)]
    assert ensure_guards() == ['a "b']
    add_peer("c")
    assert AuditEntry.objects.count() == 3


def test_another_file_that_attaches_this_one_is_refused_alike_and_a_vacuum_keeps_every_number(two: None) -> None:
    before = sql("SELECT * FROM audit_auditentry")
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as other:
        other.execute("ATTACH ? AS log", [str(connection.settings_dict["NAME"])])
        for statement in ("DELETE FROM log.audit_auditentry", "UPDATE log.audit_auditentry SET id = id + 1"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                other.execute(statement)
    sql("VACUUM")
    assert sql("SELECT * FROM audit_auditentry") == before


def test_missing_ones_are_a_warning_of_the_system_check(capsys: pytest.CaptureFixture[str]) -> None:
    sql("DROP TRIGGER alknet_audit_audit_auditentry_update")
    call_command("check", databases=["default"])
    assert "audit.W001" in capsys.readouterr().err
    ensure_guards()
    call_command("check", databases=["default"])
    assert "audit.W001" not in capsys.readouterr().err


def test_a_transaction_that_fails_leaves_them_in_place(two: None) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic(), without_guards():
        AuditEntry.objects.all().delete()
        raise ZeroDivisionError
    assert wrong_guards() == []
    assert AuditEntry.objects.count() == 2


def test_the_tables_have_the_names_that_are_guarded() -> None:
    assert {model._meta.db_table for model in (AuditEntry, Checkpoint)} == set(APPEND_ONLY_TABLES)
