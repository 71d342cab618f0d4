"""What a backup needs and refuses, and what is left behind where it does not come about."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session

from node.backup.databases import SESSIONS
from node.backup.errors import BackupError, NotABackup, Unfit
from node.backup.fitness import require_fit
from node.backup.making import clear_left
from tests.support.backups import MIGRATION, data_of, made, marked, unpacked

KNOWN = {MIGRATION}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return data_of(tmp_path / "data", "it")


def test_without_a_database_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(BackupError, match="no database yet"):
        made(tmp_path / "data", tmp_path / "it.tar")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize("taken", ["file", "link"])
def test_a_backup_takes_the_place_of_nothing(data: Path, tmp_path: Path, taken: str) -> None:
    target = tmp_path / "it.tar"
    target.symlink_to(tmp_path / "nowhere") if taken == "link" else target.write_text("mine")
    with pytest.raises(BackupError, match="exists already"):
        made(data, target)


def test_a_place_that_cannot_be_written_is_told(data: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="cannot be written"):
        made(data, tmp_path / "nowhere" / "it.tar")


def test_no_session_of_the_panel_is_in_a_backup(data: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(data / "alknet.db", isolation_level=None)) as database:
        for table in ("django_session", "usersessions_usersession"):
            database.execute(f"CREATE TABLE {table} (session_key TEXT PRIMARY KEY, data TEXT)")
            database.execute(f"INSERT INTO {table} VALUES ('canary-of-a-session', 'x')")
    made(data, tmp_path / "it.tar")
    assert b"canary-of-a-session" not in (tmp_path / "it.tar").read_bytes()
    with closing(sqlite3.connect(data / "alknet.db", isolation_level=None)) as database:
        assert database.execute("SELECT count(*) FROM django_session").fetchone() == (1,)


def test_the_tables_of_sessions_have_those_names() -> None:
    assert {UserSession._meta.db_table, Session._meta.db_table} == set(SESSIONS)


def test_a_damaged_database_makes_no_backup(data: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(data / "alknet.db", isolation_level=None)) as database:
        database.execute("INSERT INTO keys VALUES ('nobody')")
    with pytest.raises(Unfit, match="is not there"):
        made(data, tmp_path / "it.tar")
    assert not list(tmp_path.glob("*.tar"))
    assert not list(tmp_path.glob(".*"))


def test_what_a_killed_backup_leaves_is_cleared_and_what_one_under_way_needs_is_not(tmp_path: Path) -> None:
    left, busy = tmp_path / f".it.tar.{'0' * 16}", tmp_path / f".it.tar.{'1' * 16}"
    for work in (left, busy):
        work.mkdir()
    held = "import fcntl,os,sys; d = os.open(sys.argv[1], 0); fcntl.flock(d, 2); print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", held, str(busy)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        clear_left(tmp_path)
        assert (left.exists(), busy.exists()) == (False, True)
        holder.communicate(b"")


def fitness(data: Path, place: Path, known: set[tuple[str, str]] = KNOWN, journal: int = 1) -> list[str]:
    found = unpacked(made(data, place / "it.tar").path, place / "out")
    return require_fit(place / "out", found.manifest, known, journal)


def test_a_backup_of_this_version_is_fit(data: Path, tmp_path: Path) -> None:
    assert fitness(data, tmp_path) == ["alknet.db is sound", "node.db is sound", "its 1 migrations are known here"]


def test_an_older_one_is_fit_too(data: Path, tmp_path: Path) -> None:
    assert fitness(data, tmp_path, {*KNOWN, ("peers", "0002_more")}, journal=2)


def test_one_of_a_newer_version_is_refused_by_name(data: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(data / "alknet.db", isolation_level=None)) as database:
        database.execute("INSERT INTO django_migrations VALUES ('peers', '0099_later')")
    with pytest.raises(Unfit, match=r"newer version of Alknet .*peers\.0099_later"):
        fitness(data, tmp_path)


def test_a_journal_of_a_newer_version_is_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(Unfit, match=r"node\.db is of version 1; this Alknet knows 0"):
        fitness(data, tmp_path, journal=0)


def test_any_other_database_is_refused(data: Path, tmp_path: Path) -> None:
    (data / "alknet.db").unlink()
    marked(data / "alknet.db", "PRAGMA journal_mode=WAL; CREATE TABLE peers (peer_id TEXT);", "it")
    with pytest.raises(Unfit, match="no database of Alknet"):
        fitness(data, tmp_path)


def test_a_database_of_another_schema_than_the_manifest_says_is_refused(data: Path, tmp_path: Path) -> None:
    found = unpacked(made(data, tmp_path / "it.tar").path, tmp_path / "out")
    with closing(sqlite3.connect(tmp_path / "out" / "alknet.db", isolation_level=None)) as database:
        database.execute("DELETE FROM django_migrations")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with pytest.raises(NotABackup, match="another schema"):
        require_fit(tmp_path / "out", found.manifest, KNOWN, 1)
