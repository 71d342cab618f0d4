"""What `alknet doctor` finds out about the audit log: whether the database refuses to change it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from node.core.append_only import APPEND_ONLY_TABLES, concerns, wrong_triggers
from node.core.finding import Finding, Level
from node.settings import Settings

NAME = "audit"
_WAIT = 1.0
"""Seconds for a database that is being made."""


def audit(settings: Settings) -> Finding:
    """Whether every trigger is there. That nobody has made use of a missing one, `alknet audit verify` tells."""
    database = settings.paths.database
    if not database.is_file():
        return Finding(NAME, Level.FINE, "there is no log yet: the panel's first start makes its database")
    try:
        tables, triggers = _schema(database)
    except sqlite3.Error as error:
        return Finding(NAME, Level.WARNING, f"{database} cannot be read: {error}")
    if not tables & set(APPEND_ONLY_TABLES):
        return Finding(NAME, Level.FINE, "there is no log yet: the panel's next start makes it")
    wrong = wrong_triggers(tables, triggers)
    if len(tables & set(APPEND_ONLY_TABLES)) < len(APPEND_ONLY_TABLES) or wrong:
        remedy = "alknet audit verify tells whether somebody did; the panel's next start makes them again"
        which = ", ".join(wrong) or "its tables"
        return Finding(NAME, Level.WARNING, f"the log is not guarded ({which} missing or not ours): {remedy}")
    return Finding(NAME, Level.FINE, "append-only; alknet audit verify proves that it was")


def _schema(database: Path) -> tuple[set[str], dict[str, str]]:
    """The names of the tables, and the SQL of the triggers that concern it, by name. Nothing is written."""
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, timeout=_WAIT)) as connection:
        found = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
    return {name for kind, name, _, _ in found if kind == "table"}, {
        name: sql for kind, name, table, sql in found if kind == "trigger" and concerns(name, table)
    }
