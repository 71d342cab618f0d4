"""What `alknet doctor` says of the databases, whole ones and damaged ones."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from node.cli import database_checks
from node.cli.database_checks import database, journal, sqlite
from node.core.finding import Finding, Level
from node.settings import Settings, load_settings
from node.store.changes import CHANNELS


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data=tmp_path).settings


def make(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as opened:
        for statement in statements:
            opened.execute(statement)
        opened.commit()


def test_honker_shares_the_one_sqlite(settings: Settings) -> None:
    assert sqlite(settings).level is Level.FINE


@pytest.mark.parametrize(("script", "words"), [
    ('import json; print(json.dumps({"files": ["/a", "/b"], "version": "3"}))', "/a, /b"),
    ("import honker_that_is_not_there", "honker_that_is_not_there"),
])  # fmt: skip
def test_two_libraries_and_none_are_problems(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, script: str, words: str
) -> None:
    monkeypatch.setattr(database_checks, "_LIBRARIES", script)
    finding = sqlite(settings)
    assert (finding.level, words in finding.text, "scripts/up" in finding.text) == (Level.PROBLEM, True, True)


def test_the_tables_are_those_that_the_node_reads() -> None:
    assert set(database_checks._WATCHED) == set(CHANNELS)


def test_no_database_yet_is_fine(settings: Settings) -> None:
    assert (database(settings).level, journal(settings).level) == (Level.FINE, Level.FINE)


def test_a_missing_trigger_is_named(settings: Settings) -> None:
    make(settings.paths.database, "CREATE TABLE peers (peer_id)")
    finding = database(settings)
    assert finding.level is Level.PROBLEM
    assert "alknet_notify_peers_update" in finding.text


@pytest.mark.parametrize("check", [database, journal])
def test_damage_is_found(settings: Settings, check: Callable[[Settings], Finding]) -> None:
    path = settings.paths.database if check is database else settings.paths.journal
    make(path, "CREATE TABLE events (x)", "CREATE INDEX i ON events (x)")
    with closing(sqlite3.connect(path)) as opened:
        opened.executemany("INSERT INTO events VALUES (?)", [(str(n) * 50,) for n in range(2000)])
        opened.commit()
    assert check(settings).level is Level.FINE
    with path.open("r+b") as file:
        file.seek(4096 * 5)
        file.write(b"\xff" * 4096 * 3)
    finding = check(settings)
    assert (finding.level, "damaged" in finding.text or "cannot be read" in finding.text) == (Level.PROBLEM, True)


@pytest.mark.parametrize("check", [database, journal])
def test_what_is_no_database_is_a_problem(settings: Settings, check: Callable[[Settings], Finding]) -> None:
    for path in (settings.paths.database, settings.paths.journal):
        path.write_bytes(b"no database" * 1000)
    assert check(settings).level is Level.PROBLEM


def test_a_look_that_takes_too_long_ends_and_says_so(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    make(settings.paths.database, "CREATE TABLE t (x)")
    with closing(sqlite3.connect(settings.paths.database)) as opened:
        opened.executemany("INSERT INTO t VALUES (?)", [(str(n) * 50,) for n in range(20_000)])
        opened.commit()
    monkeypatch.setattr(database_checks, "LOOK_SECONDS", -1.0)
    finding = database(settings)
    assert (finding.level, "as far as" in finding.text) == (Level.FINE, True)


def test_a_look_changes_nothing(settings: Settings) -> None:
    make(settings.paths.database, "PRAGMA journal_mode = WAL", "CREATE TABLE t (x)")
    before = settings.paths.database.read_bytes()
    database(settings)
    assert settings.paths.database.read_bytes() == before
