"""A second process that writes a SQLite file with Python's own sqlite3, on command.

Run as `python -m tests.support.sql_writer PATH`: one JSON request a line in, one JSON reply a line out.
"""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.support.schema import TABLES, Statement, make_honker_tables, triggers

INIT = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000;"


class SqlWriter:
    """The writing process, seen from the test. Every call returns when the child has done it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._process = self._start()

    def commit(self, *statements: Statement | str) -> float:
        """Run all in one transaction; gives the time of the commit in unix seconds."""
        return float(self._ask("commit", _plain(statements))["at"])

    def rollback(self, *statements: Statement | str) -> None:
        self._ask("rollback", _plain(statements))

    def begin(self, *statements: Statement | str) -> None:
        """Run in a transaction that stays open; the next commit or rollback ends it."""
        self._ask("begin", _plain(statements))

    def executemany(self, sql: str, rows: Iterable[Iterable[Any]]) -> None:
        self._ask("executemany", [[sql, [list(row) for row in rows]]])

    def query(self, sql: str) -> list[list[Any]]:
        """All rows."""
        rows: list[list[Any]] = self._ask("query", [[sql, []]])["rows"]
        return rows

    def backup(self, source: Path, target: Path) -> None:
        """Copy one file over the contents of the other with SQLite's backup API."""
        self._ask("backup", [[str(source), [str(target)]]])

    def last_notification(self) -> int:
        return int(self.query("SELECT coalesce(max(id), 0) FROM _honker_notifications")[0][0])

    def migrate(self) -> None:
        """Make honker's tables, ours, and the triggers."""
        make_honker_tables(self.path)
        self._ask("script", [[TABLES + triggers(), []]])

    def kill(self) -> None:
        """SIGKILL, whatever it was doing; the next call starts another process."""
        self._process.send_signal(signal.SIGKILL)
        self.close()
        self._process = self._start()

    def close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(BrokenPipeError):
                if pipe is not None:
                    pipe.close()
        self._process.wait(10)

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.support.sql_writer", str(self.path)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def _ask(self, action: str, statements: list[list[Any]]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"action": action, "statements": statements}) + "\n")
        self._process.stdin.flush()
        reply: dict[str, Any] = json.loads(self._process.stdout.readline())
        if "error" in reply:
            raise AssertionError(reply["error"])
        return reply


@contextlib.contextmanager
def sql_writer(path: Path) -> Iterator[SqlWriter]:
    """A writing process on this file, ended afterwards."""
    writer = SqlWriter(path)
    try:
        yield writer
    finally:
        writer.close()


def _plain(statements: Iterable[Statement | str]) -> list[list[Any]]:
    return [[item, []] if isinstance(item, str) else [item[0], list(item[1])] for item in statements]


def _do(connection: sqlite3.Connection, action: str, statements: list[list[Any]]) -> dict[str, Any]:
    match action:
        case "query":
            return {"rows": connection.execute(*statements[0]).fetchall()}
        case "script":
            connection.executescript(statements[0][0])
        case "backup":
            source, (target,) = statements[0]
            with contextlib.closing(sqlite3.connect(source)) as old, contextlib.closing(sqlite3.connect(target)) as new:
                old.backup(new)
        case _:
            if not connection.in_transaction:
                connection.execute("BEGIN IMMEDIATE")
            run = connection.executemany if action == "executemany" else connection.execute
            for sql, values in statements:
                run(sql, values)
            if action != "begin":
                connection.execute("ROLLBACK" if action == "rollback" else "COMMIT")
    return {"at": time.time()}


def main(path: str) -> None:
    """Serve requests until the end of stdin."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(INIT)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = _do(connection, request["action"], request["statements"])
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
