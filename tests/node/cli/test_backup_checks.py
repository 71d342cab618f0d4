"""`alknet doctor` on scheduled backups, by the rows that the panel writes."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from node.cli.backup_checks import backups
from node.core.finding import Level
from node.settings import Settings, load_settings

TABLE = "CREATE TABLE backups_backup (id INTEGER PRIMARY KEY, state TEXT, way TEXT, error TEXT, started_at TEXT)"
ROW = "INSERT INTO backups_backup (state, way, error, started_at) VALUES (?, ?, ?, datetime('now', ?))"

DONE, RUNNING = ("done", "schedule", ""), ("running", "schedule", "")
FAILED, BY_HAND = ("failed", "schedule", "no room"), ("failed", "panel", "no room")


def settings(data: Path, every: float = 24) -> Settings:
    return load_settings(data=data, overrides={"backup.every": every}).settings


@pytest.mark.parametrize(
    ("rows", "level", "words"),
    [
        ([], Level.WARNING, "none was made yet"),
        ([(*DONE, "-1 hours")], Level.FINE, "the last was made"),
        ([(*DONE, "-3 days")], Level.PROBLEM, "does the panel run?"),
        ([(*DONE, "-1 days"), (*FAILED, "-1 hours")], Level.PROBLEM, "failed: no room"),
        ([(*FAILED, "-2 hours"), (*DONE, "-1 hours")], Level.FINE, "the last was made"),
        ([(*DONE, "-1 hours"), (*BY_HAND, "-0 hours")], Level.FINE, "the last was made"),
        ([(*DONE, "-1 hours"), (*RUNNING, "-0 hours")], Level.FINE, "the last was made"),
    ],
)
def test_what_became_of_the_last_is_told(tmp_path: Path, rows: list[tuple[str, ...]], level: Level, words: str) -> None:
    with closing(sqlite3.connect(tmp_path / "alknet.db", isolation_level=None)) as database:
        database.execute(TABLE)
        database.executemany(ROW, rows)
    found = backups(settings(tmp_path))
    assert (found.level, words in found.text) == (level, True), found


def test_where_none_is_scheduled_or_nothing_is_there_yet_nothing_is_wrong(tmp_path: Path) -> None:
    assert backups(settings(tmp_path, every=0)).level is Level.FINE
    assert backups(settings(tmp_path)).level is Level.WARNING
    (tmp_path / "alknet.db").touch()
    assert backups(settings(tmp_path)).level is Level.WARNING
