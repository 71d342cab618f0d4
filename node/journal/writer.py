"""Writes the journal: events are gathered in memory, and committed together a moment later.

Whatever is wrong with the file, the node goes on: events wait, as many as may; the file is opened anew after a pause;
what is wrong is told once, and so is that it works again. Nothing is written twice: a commit that failed is looked for
before its events are written again.
"""

import asyncio
import contextlib
import logging
import secrets
import time
from collections import deque
from itertools import islice
from pathlib import Path
from typing import NoReturn

from node.core.journal import Event, EventKind, Journal, Json
from node.core.live import Live
from node.core.metrics import counters, gauges
from node.journal.file import JournalFile, JournalTooNew, open_journal_file
from node.journal.intake import Intake
from node.journal.limits import JournalLimits

BATCH = 50
"""Events of one commit: about half a millisecond of the loop."""
RETRY_FIRST, RETRY_MAX = 0.05, 5.0
"""Seconds until the first retry after a failure, doubled each time up to the second."""
LOOK_EVERY = 1.0
"""Seconds without an event after which the file is looked for."""
PRUNE_EVERY = 60.0
"""Seconds between two looks for what is too old or too much."""
LAST_WORDS = 1.0
"""Seconds that the end of the process waits for what is not written yet."""
DAY = 86_400.0

logger = logging.getLogger(__name__)

MEANINGS = {
    **gauges(backlog="Events that wait to be written."),
    **counters(
        written="Events written.",
        dropped_queue="Events left out since the file was not written for long.",
        dropped_strangers="Events about strangers left out, beyond `journal.strangers_per_second`.",
        dropped_peers="Events of peers left out, beyond `journal.peer_per_second`.",
        failures="Times that the file could not be written.",
    ),
}


class JournalWriter(Journal):
    """The journal of one process's life, whose name is `boot`: 16 hex digits."""

    def __init__(self, path: Path, limits: Live[JournalLimits]) -> None:
        self.boot = secrets.token_hex(8)
        self._path = path
        self._limits = limits
        self._intake = Intake(limits)
        self._queue: deque[Event] = deque()
        self._wake = asyncio.Event()
        self._told: dict[str, int] = {}
        self._attempted: int | None = None
        """The number of the last event of a commit that has not succeeded, as far as is known."""
        self._attempted_count = 0
        self._pause = RETRY_FIRST
        self._complaint = ""
        self._pruned = float("-inf")
        self.written = 0
        self.failures = 0

    def record(self, event: Event) -> None:
        if self._intake.takes(event, len(self._queue)):
            self._queue.append(event)
            self._wake.set()

    @property
    def complaint(self) -> str:
        return self._complaint

    def snapshot(self) -> dict[str, int]:
        """Events that wait, were written and were left out, and failures of the file, since the start."""
        dropped = self._intake.dropped
        return {
            "backlog": len(self._queue),
            "written": self.written,
            "dropped_queue": dropped["queue"],
            "dropped_strangers": dropped["strangers"],
            "dropped_peers": dropped["peers"],
            "failures": self.failures,
        }

    async def run(self) -> NoReturn:
        """Write for ever; only cancellation ends it."""
        while True:
            try:
                with open_journal_file(self._path, self.boot) as file:
                    self._opened(file)
                    await self._write(file)
            except (asyncio.CancelledError, KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # noqa: BLE001 - a panic in honker's native code is no Exception
                self._complain(error)
            await asyncio.sleep(self._pause)
            self._pause = min(self._pause * 2, RETRY_MAX)

    async def flushed(self) -> bool:
        """Wait until everything is written, as long as the end of a process may; False if it is not."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS):
                while self._queue:  # noqa: ASYNC110 - at the end of the process only
                    await asyncio.sleep(0.005)
        return not self._queue

    def _opened(self, file: JournalFile) -> None:
        """Forget what turns out to have been committed after all."""
        if self._attempted is not None and file.holds(self._attempted):
            self._done(self._attempted_count)
        self._attempted = None

    async def _write(self, file: JournalFile) -> None:
        """Until the file is lost. What waits for it when it is opened goes out at once."""
        while not file.lost:
            self._wake.clear()
            for _ in range(0, len(self._queue), BATCH):
                self._append(file)
                await asyncio.sleep(0)
            self._tell_losses()
            if self._prunes(file):
                await asyncio.sleep(0)
            else:
                await self._gather()
        logger.warning("the journal's file was replaced or is gone; it is opened anew", extra={"path": str(self._path)})

    async def _gather(self) -> None:
        """Wait for an event, and a moment longer for others. After a while without any the file is looked at anyway."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY):
                await self._wake.wait()
                await asyncio.sleep(self._limits.value.flush_interval)

    def _append(self, file: JournalFile) -> None:
        batch = list(islice(self._queue, BATCH))
        self._attempted, self._attempted_count = file.last + len(batch), len(batch)
        file.append(batch)
        self._attempted = None
        self._done(len(batch))
        if not self._queue:
            self._recovered()

    def _recovered(self) -> None:
        """Only once nothing waits any more: a disk that is full takes a little now and then."""
        self._pause = RETRY_FIRST
        if self._complaint:
            self._complaint = ""
            logger.info("the journal is written again")

    def _done(self, count: int) -> None:
        for _ in range(count):
            self._queue.popleft()
        self.written += count

    def _prunes(self, file: JournalFile) -> bool:
        """Delete a little of what is too old or too much. True if there may be more: events go out in between."""
        if time.monotonic() - self._pruned < PRUNE_EVERY:
            return False
        limits = self._limits.value
        if file.prune(time.time() - limits.max_age * DAY, limits.max_size):
            return True
        self._pruned = time.monotonic()
        return False

    def _tell_losses(self) -> None:
        """One event for each reason by which events were left out since the last one."""
        for why, count in self._intake.dropped.items():
            new = count - self._told.get(why, 0)
            if new:
                self._told[why] = count
                detail: dict[str, Json] = {"limit": f"journal.{why}", "count": new}
                self.record(Event(EventKind.LIMITED, reason=_WORDS[why], detail=detail))

    def _complain(self, error: BaseException) -> None:
        """Once, not at every attempt. A stranger's error comes with its traceback."""
        self.failures += 1
        text = f"{type(error).__name__}: {error}"
        if text != self._complaint:
            known = isinstance(error, RuntimeError | OSError | JournalTooNew)
            logger.error("the journal cannot be written", extra={"error": text}, exc_info=not known)
        self._complaint = text


_WORDS = {
    "queue": "events left out: the journal could not be written",
    "strangers": "events of strangers left out",
    "peers": "events left out of peers that caused too many",
}
