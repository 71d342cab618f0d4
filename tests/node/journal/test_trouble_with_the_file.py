"""Whatever happens to the file, the node goes on, and writes again by itself once it can."""

import asyncio
import logging
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.core.journal import Event, EventKind
from node.journal import writer as writer_module
from node.journal.file import PRUNE_ROWS
from node.journal.reader import open_journal
from node.journal.schema import Record
from tests.node.journal.test_journal import ended, writing
from tests.support.eventually import eventually


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "RETRY_FIRST", 0.005)
    monkeypatch.setattr(writer_module, "RETRY_MAX", 0.01)


def records(path: Path) -> list[Record]:
    with open_journal(path) as reader:
        return reader.read(0, 1_000_000)


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file of this process may grow beyond 64 KiB: a write fails as on a full disk, with EFBIG."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


async def test_a_full_disk_loses_nothing_that_fits_the_queue(
    tmp_path: Path, full_disk: None, caplog: pytest.LogCaptureFixture
) -> None:
    async with writing(tmp_path / "node.db", max_queue=1000) as journal:
        for number in range(1000):
            journal.record(Event(EventKind.CONNECTED, number, "laptop"))
        await eventually(lambda: journal.snapshot()["failures"] > 3)
        assert journal.snapshot()["backlog"] > 0
        for number in range(2000, 3000):
            journal.record(Event(EventKind.CONNECTED, number, "laptop"))
        assert len(complaints(caplog)) == 1
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await eventually(lambda: journal.snapshot()["backlog"] == 0)
        dropped = journal.snapshot()["dropped_queue"]
        await eventually(lambda: records(tmp_path / "node.db")[-1].kind == "limited")
    found = records(tmp_path / "node.db")
    assert [record.connection for record in found if record.kind == "connected"][:1000] == list(range(1000))
    told = [record.detail for record in found if record.kind == "limited"]
    assert sum(detail["count"] for detail in told) == dropped > 0
    assert len(found) == 2000 - dropped + len(told)


async def test_a_file_that_another_process_has_locked_is_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "node.db"
    async with writing(path) as journal:
        journal.record(Event(EventKind.STARTED))
        await eventually(lambda: journal.snapshot()["backlog"] == 0)
        with Locked(path):
            journal.record(ended(1))
            await eventually(lambda: journal.snapshot()["failures"] > 3)
            assert journal.snapshot()["backlog"] == 1
        await eventually(lambda: journal.snapshot()["backlog"] == 0)
    assert [record.kind for record in records(path)] == ["started", "closed"]
    assert len(complaints(caplog)) == 1


async def test_a_lock_at_the_start_does_not_hold_the_loop_up(tmp_path: Path) -> None:
    path = tmp_path / "node.db"
    async with writing(path) as journal:
        journal.record(Event(EventKind.STARTED))
    with Locked(path):
        async with writing(path) as journal:
            journal.record(ended(1))
            async with asyncio.timeout(4):  # SQLite would wait 5 s, and the loop with it
                await eventually(lambda: journal.snapshot()["failures"] > 3)


class Locked:
    """Another process holds the write lock for as long as the block lasts."""

    CODE = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN IMMEDIATE')"

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"{self.CODE}; print(flush=True); sys.stdin.read()", str(self._path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


async def test_a_file_that_is_gone_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "node.db"
    async with writing(path) as journal:
        journal.record(ended(1))
        await eventually(lambda: journal.snapshot()["backlog"] == 0)
        first = records(path)[-1].number
        for name in ("node.db", "node.db-wal", "node.db-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        journal.record(ended(2))
        await eventually(lambda: journal.snapshot()["backlog"] == 0)
        await eventually(path.exists)
    [again] = records(path)
    assert again.connection == 2
    assert again.number > first


async def test_a_directory_that_is_not_there_is_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "later" / "node.db"
    async with writing(path) as journal:
        journal.record(ended(1))
        await eventually(lambda: journal.snapshot()["failures"] > 3)
        path.parent.mkdir()
        await eventually(lambda: journal.snapshot()["backlog"] == 0)
    assert len(complaints(caplog)) == 1
    assert [record.connection for record in records(path)] == [1]


@pytest.mark.parametrize("content", [b"no database at all" * 1000, b"SQLite format 3\0" + bytes(8176)])
async def test_a_file_that_is_no_journal_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "node.db"
    path.write_bytes(content)
    async with writing(path) as journal:
        journal.record(ended(1))
        await eventually(lambda: journal.snapshot()["failures"] > 1)
        assert path.read_bytes() == content
        path.unlink()
        await eventually(lambda: journal.snapshot()["backlog"] == 0)
    assert [record.connection for record in records(path)] == [1]


async def test_a_journal_of_a_newer_version_is_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "node.db"
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA user_version = 2")
    database.close()
    async with writing(path) as journal:
        journal.record(ended(1))
        await eventually(lambda: journal.snapshot()["failures"] > 1)
    assert complaints(caplog) == ["the journal cannot be written"]


async def test_a_restored_journal_goes_on_with_numbers_that_were_never_given(tmp_path: Path) -> None:
    path = tmp_path / "node.db"
    async with writing(path) as journal:
        journal.record(ended(1))
    kept = path.read_bytes()
    async with writing(path) as journal:
        journal.record(ended(2))
    given = {record.number for record in records(path)}
    path.write_bytes(kept)
    async with writing(path) as journal:
        journal.record(ended(3))
    last = records(path)[-1]
    assert last.connection == 3
    assert last.number > max(given)


async def test_a_commit_that_failed_and_happened_all_the_same_is_not_written_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, append = tmp_path / "node.db", writer_module.JournalFile.append
    failures = iter([True, False, True, True])

    def unsure(file: writer_module.JournalFile, events: list[Event]) -> None:
        append(file, events)
        if next(failures, False):
            raise RuntimeError("disk I/O error")

    monkeypatch.setattr(writer_module.JournalFile, "append", unsure)
    async with writing(path) as journal:
        for number in range(120):
            journal.record(ended(number))
        await eventually(lambda: journal.snapshot()["written"] == 120)
    assert [record.connection for record in records(path)] == list(range(120))


async def test_what_is_too_old_or_too_much_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "PRUNE_EVERY", 0.0)
    path = tmp_path / "node.db"
    async with writing(path, max_age=1.0, max_size=1024 * 1024) as journal:
        for number in range(PRUNE_ROWS + 50):
            journal.record(Event(EventKind.CONNECTED, number, "old", at=1.0))
        for number in range(8000):
            journal.record(Event(EventKind.CONNECTED, number, "new", "f" * 72, "alknet/call", "192.0.2.1:4433"))
        await eventually(lambda: not journal.snapshot()["backlog"])
        await eventually(lambda: records(path)[0].peer_id == "new")
        await eventually(lambda: len(records(path)) < 8000)
    found = records(path)
    assert [record.connection for record in found] == list(range(8000 - len(found), 8000))
    assert len(found) > 4000


async def test_events_are_written_while_much_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "node.db"
    async with writing(path) as journal:
        for number in range(20 * PRUNE_ROWS // 4):
            journal.record(Event(EventKind.CONNECTED, number, "old", at=time.time() - 1000))
        await eventually(lambda: journal.snapshot()["backlog"] == 0)
    seen: list[int] = []
    prune = writer_module.JournalFile.prune

    def noted(file: writer_module.JournalFile, before: float, max_size: int) -> bool:
        seen.append(journal.snapshot()["backlog"])
        journal.record(ended(len(seen)))
        return prune(file, before, max_size)

    monkeypatch.setattr(writer_module.JournalFile, "prune", noted)
    async with writing(path, max_age=0.001) as journal:
        journal.record(ended(0))
        await eventually(lambda: {record.peer_id for record in records(path)} == {"laptop"})
    assert len(seen) > 3
    assert set(seen) == {0}, "each step of the deleting had let go out what had come"
