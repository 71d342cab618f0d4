"""A real importer on a loop of its own, and a real journal for it to read."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from apps.activity.importer import Importer, Keep, Publish
from apps.activity.models import Event as Kept
from node.core.journal import Event, EventKind
from node.journal.file import open_journal_file
from tests.support.waiting import until

KEEP = Keep(1_000_000, timedelta(days=36_500))


def append(path: Path, events: Sequence[Event], boot: str = "a" * 16) -> None:
    """Write events as a node does that starts, writes them and ends."""
    with open_journal_file(path, boot) as file:
        file.append(events)


def told(count: int, kind: EventKind = EventKind.DENIED) -> list[Event]:
    return [Event(kind, number, f"peer {number % 7}") for number in range(count)]


class Following:
    """What `following` gives: the importer, and the batches that it has published."""

    def __init__(self, importer: Importer, published: list[list[Kept]]) -> None:
        self.importer = importer
        self.published = published

    def until_published(self, count: int) -> None:
        """Later than kept: the commit can be seen before its importer hears of it."""
        until(lambda: sum(map(len, self.published)) >= count, f"{count} events published")

    def until_kept(self, count: int) -> None:
        until(lambda: Kept.objects.count() >= count, f"{count} events kept")
        assert Kept.objects.count() == count


@contextlib.contextmanager
def following(path: Path, keep: Keep = KEEP, publish: Publish | None = None) -> Iterator[Following]:
    """An importer of the journal at `path` that runs while the block does."""
    published: list[list[Kept]] = []
    importer = Importer(path, keep, publish or (lambda events: published.append(list(events))))
    loop = asyncio.new_event_loop()
    tasks: list[asyncio.Task[None]] = []

    async def follow() -> None:
        tasks.append(asyncio.ensure_future(importer.run()))
        with contextlib.suppress(asyncio.CancelledError):
            await tasks[0]

    thread = threading.Thread(target=loop.run_until_complete, args=(follow(),))
    thread.start()
    try:
        yield Following(importer, published)
    finally:
        until(lambda: bool(tasks), "the importer began")
        loop.call_soon_threadsafe(tasks[0].cancel)
        thread.join()
        loop.close()
        importer.close()
