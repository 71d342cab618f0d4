"""Copies of live SQLite files, and whether a copy is sound.

A copy is one read transaction (WAL): it sees every commit before it began and none after, holds up no writer, and does
not begin anew when one commits, as SQLite's backup does that lets go between two steps.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from node.backup.errors import BackupError, Unfit
from node.backup.manifest import Schema

BUSY_SECONDS = 30
PAGES = 2048
"""Pages that are copied between two calls of `progress`."""
_MOST_PROBLEMS = 3

SESSIONS = ("usersessions_usersession", "django_session")
"""Tables that no copy has the rows of: each names a session of the panel that is good as it stands."""

Progress = Callable[[str, int, int], None]
"""What is under way, how much of it is done, and of how much."""


def copy_database(source: Path, target: Path, progress: Progress) -> None:
    """Copy a database that others may be writing into a new file of mode 0600, without sessions. Raises BackupError."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        with closing(_connect(source, "rw")) as live, closing(_connect(target, "rw")) as copy:
            copy.execute("PRAGMA journal_mode=OFF")
            copy.execute("PRAGMA synchronous=OFF")  # it is made durable as part of the archive
            live.execute("PRAGMA query_only=ON")
            live.execute("BEGIN")
            live.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            live.backup(copy, pages=PAGES, progress=lambda _, left, of: progress(source.name, of - left, of))
            _forget_sessions(copy)
    except sqlite3.Error as error:
        raise BackupError(f"{source} cannot be copied: {error}") from None


def _forget_sessions(copy: sqlite3.Connection) -> None:
    """Overwritten, not only unlinked. Whoever finds a backup would be signed in by them."""
    copy.execute("PRAGMA secure_delete=ON")
    for table in SESSIONS:
        if copy.execute("SELECT 1 FROM sqlite_schema WHERE type='table' AND name=?", [table]).fetchone():
            copy.execute(f"DELETE FROM {table}")  # noqa: S608 - one of the two names above


def inspect_database(path: Path) -> Schema:
    """Check a file that nobody else has open, and tell how far it has come. Raises Unfit where it is not sound."""
    try:
        with closing(_connect(path, "ro&immutable=1")) as database:
            database.execute("PRAGMA trusted_schema=OFF")
            database.execute("PRAGMA cell_size_check=ON")
            _refuse(path, [row[0] for row in database.execute(f"PRAGMA quick_check({_MOST_PROBLEMS})")], "ok")
            broken = database.execute("PRAGMA foreign_key_check").fetchmany(_MOST_PROBLEMS)
            _refuse(path, [f"a row of {row[0]} refers to one of {row[2]} that is not there" for row in broken])
            return Schema(user_version=_user_version(database), migrations=_migrations(database))
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise Unfit(f"{path.name} is no sound database: {error}") from None


def _refuse(path: Path, problems: list[str], fine: str = "") -> None:
    told = [problem for problem in problems if problem != fine]
    if told:
        raise Unfit(f"{path.name} is no sound database: {'; '.join(told)}"[:500])


def _user_version(database: sqlite3.Connection) -> int:
    version: int = database.execute("PRAGMA user_version").fetchone()[0]
    return version


def _migrations(database: sqlite3.Connection) -> list[tuple[str, str]]:
    if not database.execute("SELECT 1 FROM sqlite_schema WHERE type='table' AND name='django_migrations'").fetchone():
        return []
    rows = database.execute("SELECT app, name FROM django_migrations ORDER BY app, name LIMIT 2000").fetchall()
    return [(str(app), str(name)) for app, name in rows]


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
