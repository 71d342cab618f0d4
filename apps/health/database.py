"""Whether the database can be read and written, and is of the shape that this program needs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from django.db import DatabaseError, connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from apps.audit.guards import wrong_guards
from apps.notify.services import missing_triggers
from node.core.health import Check

BUSY_MS = 500
"""Milliseconds for which a check waits for another writer."""

_RESTORE = "stop panel and node, and restore a backup: alknet restore FILE; a start without it begins with nobody"
_MIGRATE = "stop what writes, then start the panel again: its start brings the database up to date"


def database_checks() -> list[Check]:
    """The first that fails hides those that need it. Raises nothing."""
    try:
        if is_gone():
            return [_lost("gone")]
        with _in_no_hurry():
            _write()
        unapplied = _unapplied()
        if len(unapplied) == len(_known()):
            return [_lost("empty")]
        if unapplied:
            return [_well("database"), _outdated(unapplied)]
        return [_well("database"), Check("migrations", ok=True, text="all are applied"), _triggers()]
    except (DatabaseError, OSError) as error:
        return [_unusable(error)]


def is_gone() -> bool:
    """Whether there is no file any more. Asked before each look: SQLite would make an empty one in its place."""
    on_disk = connection.vendor == "sqlite" and not str(connection.settings_dict["NAME"]).startswith(("file:", ":"))
    return on_disk and not os.path.lexists(connection.settings_dict["NAME"])


def _lost(how: str) -> Check:
    text = f"{connection.settings_dict['NAME']} is {how}: it was removed or replaced while the panel ran"
    return Check("database", ok=False, text=text, mend=_RESTORE)


def _write() -> None:
    """A transaction that may write, and changes nothing: nobody is woken by its end."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1")


@contextmanager
def _in_no_hurry() -> Iterator[None]:
    """With a short wait for other writers, while the block lasts."""
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        [before] = cursor.execute("PRAGMA busy_timeout").fetchone()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA busy_timeout = {int(before)}")


def _well(name: str) -> Check:
    return Check(name, ok=True, text="can be read and written")


def _unusable(error: Exception) -> Check:
    """SQLite's words are few and hold no row's content."""
    place, said = Path(str(connection.settings_dict["NAME"])), str(error)
    if "locked" in said:
        mend = "some other program holds a transaction open on it: end that program"
    elif "readonly" in said:
        mend = f"give this user the right to write {place} and its directory, or mount its disk for writing"
    elif "full" in said:
        mend = "make room on its disk"
    else:
        mend = f"alknet doctor looks at {place} more closely"
    return Check("database", ok=False, text=f"cannot be read and written: {said}", mend=mend)


def _outdated(unapplied: list[str]) -> Check:
    shown = ", ".join(unapplied[:3]) + (f" and {len(unapplied) - 3} more" if len(unapplied) > 3 else "")
    return Check("migrations", ok=False, text=f"not applied: {shown}", mend=_MIGRATE)


def _triggers() -> Check:
    """Changes that nobody hears of, and an audit log that could be edited."""
    wrong = [*missing_triggers(), *wrong_guards()]
    if not wrong:
        return Check("triggers", ok=True, text="every change is told to the node, and the audit log is append-only")
    text = f"missing, outdated or not ours: {', '.join(wrong)}"
    return Check("triggers", ok=False, text=text, mend="manage.py migrate")


def _unapplied() -> list[str]:
    applied = MigrationRecorder(connection).applied_migrations()
    return sorted(f"{app}.{name}" for app, name in _known() if (app, name) not in applied)


@cache
def _known() -> frozenset[tuple[str, str]]:
    """Every migration of this program: its files do not change while it runs."""
    graph = MigrationLoader(None, ignore_no_migrations=True).graph
    return frozenset(graph.nodes)
