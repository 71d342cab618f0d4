"""The journal of a node, for as long as its process lives."""

import contextlib
import os
import time
from collections.abc import AsyncIterator

from node.assembly.running import running
from node.core.journal import Event, EventKind, Journal
from node.core.metrics import Metrics
from node.journal.troubles import tell_troubles
from node.journal.writer import MEANINGS, JournalWriter
from node.reload import LiveSettings
from node.settings import Settings


@contextlib.asynccontextmanager
async def open_journal(settings: Settings, limits: LiveSettings, metrics: Metrics) -> AsyncIterator[Journal]:
    """A journal that is written while the block lasts, and what is left at its end too, where that can be done."""
    writer = JournalWriter(settings.paths.journal, limits.journal)
    metrics.add("journal", writer.snapshot, meanings=MEANINGS)
    began = time.monotonic()
    troubles = tell_troubles(metrics.troubles, writer)
    async with running(writer.run(), "journal"), running(troubles, "journal of troubles"):
        writer.record(Event(EventKind.STARTED, detail={"pid": os.getpid()}))
        try:
            yield writer
        finally:
            seconds = round(time.monotonic() - began, 3)
            writer.record(Event(EventKind.STOPPED, detail={"seconds": seconds}))
            await writer.flushed()
