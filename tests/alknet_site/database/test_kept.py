"""Connections that are kept open between requests."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connection, connections
from django.db.utils import OperationalError

from alknet_site.database.kept import KEPT, FileId, KeptConnections

FILE, OTHER = FileId(1, 1), FileId(1, 2)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "file")) as connection:
        connection.execute("CREATE TABLE numbers (number)")
        yield connection


@pytest.fixture
def kept() -> Iterator[KeptConnections]:
    kept = KeptConnections()
    kept.keep(2)
    yield kept
    kept.keep(0)


@pytest.fixture
def keeping(transactional_db: None) -> Iterator[None]:
    connection.close()
    KEPT.keep(2)
    yield
    connection.close()
    KEPT.keep(0)


def is_open(some: sqlite3.Connection) -> bool:
    try:
        return some.execute("SELECT 1").fetchone() == (1,)
    except sqlite3.ProgrammingError:
        return False


def test_the_one_used_last_is_taken_first(kept: KeptConnections) -> None:
    first, second = (sqlite3.connect(":memory:") for _ in range(2))
    assert (kept.put(FILE, first), kept.put(FILE, second)) == (True, True)
    assert (kept.take(FILE), kept.take(FILE), kept.take(FILE)) == (second, first, None)
    first.close(), second.close()


def test_no_more_than_are_asked_for(kept: KeptConnections) -> None:
    some = [sqlite3.connect(":memory:") for _ in range(3)]
    assert [kept.put(FILE, one) for one in some] == [True, True, False]
    kept.keep(1)
    assert [is_open(one) for one in some] == [True, False, True]
    some[2].close()


def test_none_is_kept_before_it_is_asked_for(opened: sqlite3.Connection) -> None:
    assert not KeptConnections().put(FILE, opened)


def test_one_that_is_in_a_transaction_is_not_kept(kept: KeptConnections, opened: sqlite3.Connection) -> None:
    opened.execute("INSERT INTO numbers VALUES (1)")
    assert not kept.put(FILE, opened)


def test_one_to_a_file_that_was_replaced_is_closed(kept: KeptConnections, opened: sqlite3.Connection) -> None:
    kept.put(FILE, opened)
    assert kept.take(OTHER) is None
    assert not is_open(opened)


def test_one_to_no_file_is_not_kept(kept: KeptConnections, opened: sqlite3.Connection) -> None:
    assert not kept.put(FileId.of(":memory:"), opened)


def test_a_child_of_the_process_takes_none_and_leaves_none(kept: KeptConnections, opened: sqlite3.Connection) -> None:
    kept.put(FILE, opened)
    child = os.fork()
    if not child:
        os._exit(bool(kept.take(FILE) is not None or kept.put(FILE, opened)))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert kept.take(FILE) is opened


@pytest.mark.usefixtures("keeping")
def test_the_next_thread_goes_on_with_the_same_one() -> None:
    def ask() -> None:
        connection.ensure_connection()
        used.append(connection.connection)
        connections.close_all()

    used: list[sqlite3.Connection] = []
    for _ in range(3):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    assert len(set(map(id, used))) == 1
    assert is_open(used[0])


@pytest.mark.usefixtures("keeping")
def test_one_that_has_met_an_error_is_closed() -> None:
    with pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM nothing_of_the_kind")
    used = connection.connection
    connection.close()
    assert not is_open(used)


@pytest.mark.usefixtures("keeping")
def test_one_that_is_given_back_holds_no_row_back() -> None:
    """An answer that is read half would keep the log of the database from being emptied, for everybody."""
    rows = connection.cursor().execute("SELECT 1 UNION SELECT 2")
    assert rows.fetchone() == (1,)
    del rows
    connection.close()
    connection.ensure_connection()
    with connection.cursor() as cursor:
        [busy, *_] = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert busy == 0
