"""What `alknet doctor` finds out about scheduled backups."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from node.core.finding import Finding, Level
from node.settings import Settings
from node.store.database import DatabaseMissing, open_database

NAME = "backups"
OVERDUE = 2.0
"""Intervals without a backup after which that is a problem."""
_LAST = """
    SELECT state, error, strftime('%s', started_at) AS began FROM backups_backup
    WHERE way = 'schedule' AND state {} ORDER BY id DESC LIMIT 1"""


def backups(settings: Settings) -> Finding:
    """Whether scheduled backups come about, by what the panel has written down."""
    every = settings.backup.every
    if not every:
        return Finding(NAME, Level.FINE, "none is scheduled (backup.every); alknet backup FILE makes one")
    try:
        with open_database(settings.paths.database) as database:
            last = database.query(_LAST.format("<> 'running'"))
            good = database.query(_LAST.format("= 'done'"))
    except (DatabaseMissing, RuntimeError):
        return Finding(NAME, Level.WARNING, "none was made yet: the panel makes them, and it has no database yet")
    return _judged(last[0] if last else None, good[0] if good else None, every)


def _judged(last: Mapping[str, Any] | None, good: Mapping[str, Any] | None, every: float) -> Finding:
    if last is None:
        return Finding(NAME, Level.WARNING, "none was made yet: the panel makes the first one when it has started")
    if last["state"] == "failed":
        return Finding(NAME, Level.PROBLEM, f"the one of {_when(last)} failed: {last['error']}")
    if good is None or time.time() - int(good["began"]) > OVERDUE * every * 3600:
        when = "never" if good is None else _when(good)
        return Finding(NAME, Level.PROBLEM, f"the last was made {when}: does the panel run? It makes them")
    return Finding(NAME, Level.FINE, f"the last was made {_when(good)}")


def _when(row: Mapping[str, Any]) -> str:
    return f"{datetime.fromtimestamp(int(row['began']), UTC):%Y-%m-%d %H:%M} UTC"
