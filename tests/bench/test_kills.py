"""What the kills are judged by finds every way in which journal, activity, presence and clients can disagree."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench.agreement import disagreements, journal_rows, replayed, unseen
from bench.visitors import Visit
from tests.support.benches import figures_of, run_bench

ROOT = Path(__file__).parents[2]
NOON = 1_764_244_800.0
_COLUMNS = "number, at, boot, kind, connection, peer_id, fingerprint, alpn, address, reason, detail"


@pytest.fixture
def files(tmp_path):
    """A journal and a panel's database that agree: `a` has left, `b` is there."""
    events = [("connected", 1, "a"), ("connected", 2, "b"), ("closed", 1, "a")]
    rows = [(n, NOON + n, "x", kind, key, peer, "", "", "", "", "{}") for n, (kind, key, peer) in enumerate(events, 1)]
    journal, database = tmp_path / "node.db", tmp_path / "alknet.db"
    with closing(sqlite3.connect(journal)) as file, file:
        file.execute(f"CREATE TABLE events ({_COLUMNS})")
        file.executemany(f"INSERT INTO events VALUES ({', '.join('?' * 11)})", rows)
    with closing(sqlite3.connect(database)) as file, file:
        file.execute(f"CREATE TABLE activity_event (id INTEGER PRIMARY KEY, {_COLUMNS})")
        kept = [(row[0], row[0], text(row[1]), *row[2:]) for row in rows]
        file.executemany(f"INSERT INTO activity_event VALUES ({', '.join('?' * 12)})", kept)
        file.execute("CREATE TABLE activity_connection (boot, connection, peer_id)")
        file.execute("INSERT INTO activity_connection VALUES ('x', 2, 'b')")
        file.execute("CREATE TABLE activity_presence (peer_id, last_seen)")
        file.executemany("INSERT INTO activity_presence VALUES (?, ?)", [("a", text(NOON + 3)), ("b", text(NOON + 2))])
    return journal, database


def text(at):
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S.%f}"


def test_one_story_is_no_disagreement(files):
    assert list(disagreements(*files)) == []


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("DELETE FROM activity_event WHERE id = 2", "events: 3 in the journal, 2 kept"),
        (f"INSERT INTO activity_event SELECT 9, {_COLUMNS} FROM activity_event WHERE id = 2", "events"),
        ("UPDATE activity_event SET peer_id = 'c' WHERE id = 2", "events"),
        ("UPDATE activity_event SET number = -1, kind = 'gap' WHERE id = 2", "events: 1 of the panel's own"),
        ("DELETE FROM activity_connection", "connections: 0 too many, 1 too few"),
        ("UPDATE activity_presence SET last_seen = '2020-01-01 00:00:00'", "presence: last seen"),
        ("DELETE FROM activity_presence WHERE peer_id = 'a'", "presence: of other peers: ['a']"),
    ],
)
def test_any_damage_is_found(files, damage, told):
    with closing(sqlite3.connect(files[1])) as file, file:
        file.execute(damage)
    assert any(line.startswith(told) for line in disagreements(*files))


def test_a_life_ends_what_was_open_in_the_last():
    row = {"at": NOON, "boot": "x", "kind": "connected", "connection": 1, "peer_id": "a"}
    denied = row | {"at": NOON + 5, "kind": "denied"}
    started = row | {"at": NOON + 90, "boot": "y", "kind": "started", "connection": None, "peer_id": None}
    assert replayed([row, denied, started]) == (set(), {"a": NOON + 5})


def test_what_a_client_saw_must_be_told(files):
    told = journal_rows(files[0])
    seen = Visit("a", NOON + 0.5, NOON + 1.1, NOON + 2.9, NOON + 3.1, orderly=True)
    stays = Visit("b", NOON + 1.5, NOON + 2.1)
    assert list(unseen([seen, stays], told, [])) == []
    missed = Visit("c", NOON, NOON + 1, NOON + 2, NOON + 2, orderly=True)
    assert len(list(unseen([seen, stays, missed], told, []))) == 2
    assert list(unseen([seen, stays, missed], told, [NOON + 1.04])) == []
    again = Visit("a", NOON + 3.2, None)
    assert list(unseen([seen, again, stays], told, [])) == []
    assert list(unseen([seen], told, [])) == ["b: the journal tells of 1 connections, the client of 0"]


@pytest.mark.soak
def test_a_few_kills_leave_one_story():
    done = run_bench("kills", "--kills=5", timeout=300)
    told = figures_of(done)
    assert told["failures"] == []
    assert told["kills"] >= 5
    assert told["answered"] > 0
