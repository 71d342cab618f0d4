"""A node that is killed, again and again, loses no event that was older than it takes to write one."""

import random
import sqlite3
import subprocess
import sys
from itertools import groupby
from pathlib import Path

import pytest

from node.journal.reader import open_journal

KILLS = 5


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int]]:
    """The file after some kills, and for each the last connection that it had to know of."""
    path = tmp_path_factory.mktemp("journal") / "node.db"
    return path, [_kill_after(path, random.Random(number).randint(1, 150)) for number in range(KILLS)]


def _kill_after(path: Path, lines: int) -> int:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.journal_process", str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for _ in range(lines):
            process.stdout.readline()
        process.kill()
        return lines - 1 + len(process.stdout.read().split())


def test_every_event_of_each_life_is_there_once_and_in_order(killed: tuple[Path, list[int]]) -> None:
    path, last = killed
    with open_journal(path) as journal:
        records = journal.read(0, 1_000_000)
    assert [record.number for record in records] == sorted({record.number for record in records})
    lives = [list(life) for _, life in groupby(records, lambda record: record.boot)]
    assert len(lives) == KILLS
    for life, known in zip(lives, last, strict=True):
        assert life[0].kind == "started"
        connections = [record.connection for record in life[1:]]
        assert connections == list(range(len(connections)))
        assert len(connections) > known


def test_the_file_is_whole(killed: tuple[Path, list[int]]) -> None:
    with sqlite3.connect(killed[0]) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()
