"""When each token was last used, and from where: noted in memory, written by a thread of its own.

A request never waits for this: the write is at most one a minute for each token, after the request, and one that the
database is too busy for is left to the next. It is telemetry and no change, so the audit log has none of it.
"""

import logging
import queue
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import DatabaseError, connection

from apps.tokens.models import ApiToken

EVERY_S = 60.0
"""Seconds between two writes for one token."""
MAX_KNOWN = 10_000
MAX_WAITING = 256
IDLE_S = 5.0
"""How long the thread waits for more before it ends."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Use:
    token_id: str
    address: str
    at: datetime


class LastUsed:
    """Takes notes from the threads of requests; `flush` waits until they are written."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._written: OrderedDict[str, float] = OrderedDict()
        self._waiting: queue.Queue[Use] = queue.Queue(MAX_WAITING)
        self._thread: threading.Thread | None = None

    def note(self, token_id: str, address: str) -> None:
        """A token was used just now. Returns at once."""
        now = time.monotonic()
        with self._lock:
            last = self._written.get(token_id)
            if last is not None and now - last < EVERY_S:
                return
            self._written[token_id] = now
            self._written.move_to_end(token_id)
            while len(self._written) > MAX_KNOWN:
                self._written.popitem(last=False)
            try:
                self._waiting.put_nowait(Use(token_id, address, datetime.now(UTC)))
            except queue.Full:
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="tokens-last-used", daemon=True)
                self._thread.start()

    def flush(self) -> None:
        """Wait until what was noted is written, or given up."""
        self._waiting.join()

    def forget(self) -> None:
        """The next use of every token is written."""
        with self._lock:
            self._written.clear()

    def _run(self) -> None:
        try:
            while (use := self._next()) is not None:
                _write(use)
                self._waiting.task_done()
        finally:
            connection.close()

    def _next(self) -> Use | None:
        """The next note; None where none has come for a while, and then this thread is over."""
        try:
            return self._waiting.get(timeout=IDLE_S)
        except queue.Empty:
            with self._lock:
                if not self._waiting.empty():
                    return self._waiting.get_nowait()
                self._thread = None
                return None


def _write(use: Use) -> None:
    try:
        ApiToken.objects.filter(pk=use.token_id).update(last_used_at=use.at, last_address=use.address[:45])
    except DatabaseError as error:
        logger.debug("the last use of a token was not written: %s", error)


LAST_USED = LastUsed()
"""That of this process."""
