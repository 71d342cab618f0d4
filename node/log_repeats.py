"""A message that strangers can cause is written so often, and no oftener: a flood must not fill the disk.

Each message has an allowance, by the line of code that writes it, its level and the peer that it is about, so that a
flood of strangers hides neither what a peer does nor a failure that Django tells of by the same line. The first line
after some were left out says how many, as `left_out`.
"""

import logging
import threading
import time
from dataclasses import dataclass
from typing import Any

BURST = 100
"""Lines of one message that may be written at once."""

PER_SECOND = 2.0
"""Lines of one message that may be written in the long run: about 50 MiB a day."""

MAX_MESSAGES = 1024
"""Messages that are kept count of; the one that began first is forgotten for a new one."""


@dataclass(slots=True)
class _Allowance:
    since: float
    left: float = BURST
    left_out: int = 0


class RepeatFilter(logging.Filter):
    """For a handler. Debugging is let through as it is: who asks for it wants every line."""

    def __init__(self) -> None:
        super().__init__()
        self._allowances: dict[tuple[str, str, Any], _Allowance] = {}
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno <= logging.DEBUG:
            return True
        with self._lock:
            left_out = self._take(_key(record), time.monotonic())
        if left_out:
            _tell(record, left_out)
        return left_out is not None

    def _take(self, key: tuple[str, str, Any], now: float) -> int | None:
        """How many of this message were left out since the last that was written; None to leave this one out too."""
        allowance = self._allowances.get(key) or self._begin(key, now)
        allowance.left = min(BURST, allowance.left + (now - allowance.since) * PER_SECOND)
        allowance.since = now
        if allowance.left < 1:
            allowance.left_out += 1
            return None
        allowance.left -= 1
        left_out, allowance.left_out = allowance.left_out, 0
        return left_out

    def _begin(self, key: tuple[str, str, Any], now: float) -> _Allowance:
        if len(self._allowances) >= MAX_MESSAGES:
            del self._allowances[next(iter(self._allowances))]
        allowance = self._allowances[key] = _Allowance(now)
        return allowance


def limit_repeats() -> None:
    """From now on, in this process. Call it after `configure_logging`."""
    repeats = RepeatFilter()
    for handler in logging.getLogger().handlers:
        handler.addFilter(repeats)


def _key(record: logging.LogRecord) -> tuple[str, str, Any]:
    """structlog's records carry all their fields as the message, and come from lines of its own."""
    if isinstance(record.msg, dict):
        return record.name, str(record.msg.get("event"))[:200], str(record.msg.get("peer_id"))
    return record.name, f"{record.pathname}:{record.lineno}:{record.levelno}", str(record.__dict__.get("peer_id"))


def _tell(record: logging.LogRecord, left_out: int) -> None:
    if isinstance(record.msg, dict):
        record.msg = {**record.msg, "left_out": left_out}
    else:
        record.left_out = left_out
