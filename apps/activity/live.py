"""Tells open pages that events came in.

What is told is that something is new, and of which kinds: the events themselves a page fetches by HTTP, where the
session, the rights and the filters of whoever looks are checked each time. So a socket gives nothing away, a page that
missed a word misses no event, and a page without a socket does the same by the clock.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

from channels.layers import get_channel_layer

GROUP = "activity"
"""The channel layer's group of all open pages."""
MESSAGE = "activity.new"
"""The type of what is sent to the group: {"type", "newest": id, "kinds": [str]}."""

ACCESS = "access.changed"
"""Another type, without anything more: somebody's access to the panel was changed."""

logger = logging.getLogger(__name__)


class Row(Protocol):
    """What is told of an event that was kept."""

    @property
    def id(self) -> int: ...
    @property
    def kind(self) -> str: ...


class Publisher:
    """Sends to the group from the loop of the web server, one message at a time; what comes meanwhile is joined.

    A layer that is slow, such as one in another process, so delays the telling and piles up nothing.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sending: asyncio.Task[None] | None = None
        self._rechecking: asyncio.Task[None] | None = None
        self._newest = 0
        self._kinds: set[str] = set()

    def attach(self) -> None:
        """From now on, publish by the running loop. Without it `publish` does nothing."""
        self._loop = asyncio.get_running_loop()
        self._sending = self._rechecking = None

    def publish(self, rows: Sequence[Row]) -> None:
        """From any thread. Never waits and never raises."""
        if self._loop is None or not rows:
            return
        newest, kinds = max(row.id for row in rows), {row.kind for row in rows}
        try:
            self._loop.call_soon_threadsafe(self._add, newest, kinds)
        except RuntimeError:  # the loop is closed: the server ends
            self._loop = None

    def recheck(self) -> None:
        """Have every open page asked at once whether its user may still look. From any thread; never raises."""
        if self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(self._begin_recheck)
        except RuntimeError:  # the loop is closed: the server ends
            self._loop = None

    def _begin_recheck(self) -> None:
        if self._rechecking is None or self._rechecking.done():
            self._rechecking = asyncio.create_task(_tell_of_access())

    def _add(self, newest: int, kinds: set[str]) -> None:
        self._newest = max(self._newest, newest)
        self._kinds |= kinds
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send())

    async def _send(self) -> None:
        while self._kinds:
            message = {"type": MESSAGE, "newest": self._newest, "kinds": sorted(self._kinds)}
            self._newest, self._kinds = 0, set()
            try:
                await _group_send(message)
            except Exception:
                logger.exception("open pages were not told of new events; they look by the clock")


async def _group_send(message: dict[str, object]) -> None:
    layer = get_channel_layer()
    if layer is not None:
        await layer.group_send(GROUP, message)


async def _tell_of_access() -> None:
    try:
        await _group_send({"type": ACCESS})
    except Exception:
        logger.exception("open pages were not told that somebody's access has changed; they look by the clock")


_publisher = Publisher()
attach = _publisher.attach
publish = _publisher.publish
recheck = _publisher.recheck
