"""Events on their way from the node's loop, through the file, to whoever reads it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from node.core.journal import Event, EventKind
from node.core.live import Live
from node.journal.limits import JournalLimits
from node.journal.reader import JournalMissing, JournalReplaced, open_journal
from node.journal.writer import JournalWriter
from tests.support.eventually import eventually

LATER = 4_102_444_800.25
"""In the year 2100: nothing here is too old."""


@contextlib.asynccontextmanager
async def writing(path: Path, **limits: float) -> AsyncIterator[JournalWriter]:
    writer = JournalWriter(path, Live(JournalLimits(**{"flush_interval": 0.001, "peer_per_second": 100_000, **limits})))
    task = asyncio.create_task(writer.run())
    try:
        yield writer
    finally:
        await writer.flushed()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def ended(connection: int) -> Event:
    return Event(
        EventKind.CLOSED,
        connection,
        "laptop",
        "ed25519:00",
        "alknet/call",
        "192.0.2.1:4433",
        "gone",
        {"seconds": 1.5, "bytes_received": 10, "bytes_sent": None, "code": 0},
        at=LATER,
    )


async def test_what_is_recorded_is_read(tmp_path: Path) -> None:
    async with writing(tmp_path / "node.db") as journal:
        journal.record(Event(EventKind.STARTED))
        journal.record(ended(7))
        await eventually(lambda: journal.snapshot()["backlog"] == 0)
        with open_journal(tmp_path / "node.db") as reader:
            first, second = reader.read(0, 10)
            assert (first.kind, second.kind, first.boot) == ("started", "closed", journal.boot)
            assert (second.at, second.connection, second.peer_id, second.reason) == (LATER, 7, "laptop", "gone")
            assert second.detail == {"seconds": 1.5, "bytes_received": 10, "bytes_sent": None, "code": 0}
            assert reader.read(first.number, 10) == [second]
            assert (reader.oldest, reader.newest) == (first.number, second.number)
    assert (tmp_path / "node.db").stat().st_mode & 0o777 == 0o600


async def test_a_reader_waits_for_commits(tmp_path: Path) -> None:
    async with writing(tmp_path / "node.db") as journal:
        journal.record(Event(EventKind.STARTED))
        await eventually(lambda: journal.snapshot()["backlog"] == 0)
        with open_journal(tmp_path / "node.db") as reader:
            reader.watch()
            seen = reader.read(0, 10)[-1].number
            journal.record(ended(1))
            async with asyncio.timeout(60):
                while not (found := reader.read(seen, 10)):
                    await reader.wait()
            assert [record.connection for record in found] == [1]


async def test_a_reader_learns_that_its_file_is_gone_or_another(tmp_path: Path) -> None:
    path = tmp_path / "node.db"
    with pytest.raises(JournalMissing), open_journal(path):
        pass
    async with writing(path) as journal:
        journal.record(Event(EventKind.STARTED))
        await eventually(lambda: journal.snapshot()["backlog"] == 0)
        with open_journal(path) as reader:
            path.rename(tmp_path / "away")
            with pytest.raises(JournalMissing):
                reader.read(0, 1)
            journal.record(ended(1))
            await eventually(lambda: journal.snapshot()["backlog"] == 0)
            with pytest.raises(JournalReplaced):
                reader.read(0, 1)
            old = reader.identity
        with open_journal(path) as reader:
            assert reader.identity != old
            assert [record.connection for record in reader.read(0, 10)] == [1]
