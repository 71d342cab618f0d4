"""A second process that writes a SQLite file with Python's own sqlite3, on command (tests/support/sql_process.py)."""

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.support.schema import TABLES, Statement, honker_tables, triggers

_PROCESS = Path(__file__).with_name("sql_process.py")


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
        self._ask("script", [[honker_tables() + TABLES + triggers(), []]])

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
        command = [sys.executable, str(_PROCESS), str(self.path)]
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
