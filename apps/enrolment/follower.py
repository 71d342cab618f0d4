"""Following the node's inbox, for as long as the web process lives: one task of its loop.

The inbox is read on the loop, through honker; each claim is taken on a thread of the task's own, through Django.
Nothing here ends the process: whatever goes wrong is told once, and tried again after a pause.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NoReturn, TypeVar

from django.db import DatabaseError, connection

from apps.enrolment import services
from apps.enrolment.models import Claim
from node.inbox.reader import InboxReader, InboxReplaced, open_inbox

PAGE_ROWS = 50
RECHECK = 1.0
"""Seconds after which the inbox is looked at without a wake."""
RETRY_MAX = 5.0
TIDY_EVERY = 3600.0
"""Seconds between two looks at what is over."""

T = TypeVar("T")
logger = logging.getLogger(__name__)


def to_nobody(_claim: Claim) -> None:
    """For a follower that nobody watches."""


class InboxFollower:
    """Takes what comes into the inbox of the file at `path`. `publish` is called on the loop with each claim taken."""

    def __init__(self, path: Path, publish: Callable[[Claim], None] = to_nobody) -> None:
        self._path = path
        self._publish = publish
        self._woken = asyncio.Event()
        self._complaint = ""
        self._thread = ThreadPoolExecutor(1, "inbox")
        self._tidied = time.monotonic() - TIDY_EVERY
        self.taken = 0

    def wake(self) -> None:
        """There may be something. Call it on the loop."""
        self._woken.set()

    async def run(self) -> NoReturn:
        """Follow for ever; only cancellation ends it."""
        pause = RECHECK
        while True:
            try:
                await self._follow()
            except (asyncio.CancelledError, KeyboardInterrupt, SystemExit):
                raise
            except (FileNotFoundError, InboxReplaced):
                pause = RECHECK
            except BaseException as error:  # noqa: BLE001 - a panic in honker's native code is no Exception
                self._complain(error)
                pause = min(pause * 2, RETRY_MAX)
            await asyncio.sleep(pause)

    def close(self) -> None:
        """Let go of the thread and its connection, once nothing runs any more."""
        self._thread.submit(_disconnect)
        self._thread.shutdown()

    async def _follow(self) -> NoReturn:
        await self._on_thread(_disconnect)
        with open_inbox(self._path) as inbox:
            while True:
                self._woken.clear()
                while await self._take_page(inbox):
                    pass
                self._complaint = ""
                await self._tidy_when_due()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(RECHECK):
                        await self._woken.wait()

    async def _take_page(self, inbox: InboxReader) -> bool:
        """Whether there may be more."""
        identity = inbox.identity()
        if identity is None:
            return False
        position = await self._on_thread(partial(services.position_of, identity))
        page = inbox.read(position, PAGE_ROWS)
        for arrived in page:
            claim = await self._on_thread(partial(services.take, identity, arrived.number, arrived.claim))
            if claim is not None:
                self.taken += 1
                self._publish(claim)
        return len(page) == PAGE_ROWS

    async def _tidy_when_due(self) -> None:
        if time.monotonic() >= self._tidied + TIDY_EVERY:
            self._tidied = time.monotonic()
            await self._on_thread(services.tidy)

    async def _on_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _complain(self, error: BaseException) -> None:
        """Once, not at every attempt. A stranger's error comes with its traceback."""
        text = f"{type(error).__name__}: {error}"
        if text != self._complaint:
            known = isinstance(error, DatabaseError)
            logger.error("the inbox cannot be read", extra={"error": text}, exc_info=None if known else error)
        self._complaint = text


def _disconnect() -> None:
    """Let go of this thread's own connection: the next one opens whatever file is there then."""
    connection.close()
