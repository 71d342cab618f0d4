"""Following the node's journal, for as long as the web process lives: one task of its loop.

The journal is read on the loop, through honker, a page at a time; what is read is written on a thread of the task's
own, through Django. Nothing here ends the process: whatever goes wrong is told once, the file is closed, and after a
pause it is opened anew at the position that the database holds.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import NoReturn, ParamSpec, TypeVar

from django.db import DatabaseError, connection
from django.utils import timezone

from apps.activity import services
from apps.activity.models import Event
from apps.activity.services import Retention
from node.journal.reader import JournalMissing, JournalReader, JournalReplaced, open_journal

PAGE_ROWS = 500
"""Most events of one transaction, which holds the write lock for about 10 ms then."""
COMMIT_EVERY = 0.05
"""Seconds between two transactions at least: each commit wakes the node, and administrators' writes go in between."""
RECHECK = 5.0
"""Without any wake for so many seconds, the journal is looked at all the same."""
RETRY_FIRST, RETRY_MAX = 0.1, 5.0
"""Seconds until the first retry after a failure, doubled each time up to the second."""
PRUNE_EVERY = 30.0
"""Seconds between two looks for what is too old or too much, where the last one found nothing more."""

Publish = Callable[[Sequence[Event]], None]
"""Called on the loop with what was imported, once for each batch, after its commit."""

_P = ParamSpec("_P")
_R = TypeVar("_R")
logger = logging.getLogger(__name__)


def nothing() -> None:
    """For an importer beside which nobody reads the file."""


def to_nobody(_events: Sequence[Event]) -> None:
    """For an importer that nobody watches."""


@dataclass(frozen=True, slots=True)
class Keep:
    """How much of the journal is kept here: neither more `events`, nor any that is older than `age`."""

    events: int
    age: timedelta


class Importer:
    """Keeps the tables of apps.activity true to the journal at `path`."""

    def __init__(
        self, path: Path, keep: Keep, publish: Publish = to_nobody, woken: Callable[[], None] = nothing
    ) -> None:
        """`woken` is called on the loop whenever the file has been written, for whoever reads another part of it."""
        self._path = path
        self._keep = keep
        self._publish = publish
        self._woken = woken
        self._pause = RETRY_FIRST
        self._complaint = ""
        self._committed = float("-inf")
        self._pruned = float("-inf")
        # One thread, and so one connection to the database, which no request shares.
        self._thread = ThreadPoolExecutor(1, "journal-importer")
        self.imported = 0
        self.failures = 0

    async def run(self) -> NoReturn:
        """Follow for ever; only cancellation ends it."""
        while True:
            await self._attempt()
            await asyncio.sleep(self._pause)
            self._pause = min(self._pause * 2, RETRY_MAX)

    def close(self) -> None:
        """Let go of the thread and its connection, once nothing runs any more. Waits for a transaction that does."""
        self._thread.submit(_disconnect)
        self._thread.shutdown()

    async def _attempt(self) -> None:
        try:
            await self._on_thread(_disconnect)
            await self._follow()
        except (asyncio.CancelledError, KeyboardInterrupt, SystemExit):
            raise
        except JournalMissing:
            logger.debug("there is no journal to read", extra={"path": str(self._path)})
            self._pause = min(self._pause, 1.0)
        except JournalReplaced:
            logger.info("the journal was replaced; it is opened anew", extra={"path": str(self._path)})
            self._pause = RETRY_FIRST
        except BaseException as error:  # noqa: BLE001 - a panic in honker's native code is no Exception
            self._complain(error)

    async def _follow(self) -> NoReturn:
        """One opening of the file. The watcher is attached before the first read, so no commit falls between."""
        with open_journal(self._path) as journal:
            journal.watch()
            position = await self._on_thread(services.position_of, journal.identity)
            while True:
                position, drained = await self._import_page(journal, position)
                self._mend()
                await self._prune_when_due()
                if drained:
                    await self._wake(journal)

    async def _import_page(self, journal: JournalReader, position: int) -> tuple[int, bool]:
        """The new position, and whether the journal had no more than that."""
        records = journal.read(position, PAGE_ROWS)
        if not records:
            return position, True
        # Asked after the rows were read: whatever is forgotten later was in them, or comes after them.
        oldest = journal.oldest
        await self._take_turn()
        taken = await self._on_thread(services.import_batch, journal.identity, records, oldest=oldest)
        self.imported += len(taken)
        if taken:
            self._publish(taken)
        return records[-1].number, len(records) < PAGE_ROWS

    async def _wake(self, journal: JournalReader) -> None:
        """Wait for the next commit of the node, or for the time of a look without one."""
        try:
            async with asyncio.timeout(RECHECK):
                await journal.wait()
        except TimeoutError:
            logger.debug("no event for a while", extra={"seconds": RECHECK})
        self._woken()

    async def _take_turn(self) -> None:
        """Wait until another transaction may begin."""
        await asyncio.sleep(self._committed + COMMIT_EVERY - time.monotonic())
        self._committed = time.monotonic()

    async def _prune_when_due(self) -> None:
        """Forget a page of what is too much; the next page comes at the next turn, where there is more."""
        if time.monotonic() < self._pruned + PRUNE_EVERY:
            return
        await self._take_turn()
        retention = Retention(self._keep.events, timezone.now() - self._keep.age)
        if await self._on_thread(services.prune, retention) < services.PRUNE_ROWS:
            self._pruned = time.monotonic()

    async def _on_thread(self, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: function(*args, **kwargs))

    def _mend(self) -> None:
        self._pause = RETRY_FIRST
        if self._complaint:
            self._complaint = ""
            logger.info("the journal is read again")

    def _complain(self, error: BaseException) -> None:
        """Once, not at every attempt. A stranger's error comes with its traceback."""
        self.failures += 1
        text = f"{type(error).__name__}: {error}"
        if text != self._complaint:
            known = isinstance(error, DatabaseError)
            logger.error("the journal cannot be read", extra={"error": text}, exc_info=None if known else error)
        self._complaint = text


def _disconnect() -> None:
    """Let go of this thread's own connection: the next one opens whatever file is there then."""
    connection.close()
