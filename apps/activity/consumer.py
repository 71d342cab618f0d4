"""The socket of an open page: it is told that events came in, and is asked nothing.

It is let in by the session's cookie and closed when that stops being good: signed out, expired, disabled, without the
right. It looks every few seconds, and at once when it is told that somebody's access was changed. Each user has so
many, and so has the process; the page without one looks by the clock (static/panel/live.js).
"""

import asyncio
import contextlib
import json
from collections import Counter
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from apps.activity.live import GROUP
from apps.activity.viewers import session_key, viewer

SIGNED_OUT = 4401
"""Close code: whoever looks may not any more."""
NOTHING_IS_READ = 4400
"""Close code: a page has nothing to say here."""


class Seats:
    """How many sockets each user holds. Bounded for each and for all together."""

    def __init__(self) -> None:
        self._held: Counter[int] = Counter()

    def take(self, user: int, *, most_of_user: int, most: int) -> bool:
        if self._held[user] >= most_of_user or self._held.total() >= most:
            return False
        self._held[user] += 1
        return True

    def leave(self, user: int) -> None:
        self._held[user] -= 1
        if not self._held[user]:
            del self._held[user]


seats = Seats()


class LiveConsumer(AsyncWebsocketConsumer):
    """Sends {"newest": id, "kinds": [str]} for each message of the group."""

    _session: str
    _user: int | None = None
    _watch: asyncio.Task[None] | None = None

    async def __call__(self, *arguments: Any) -> None:
        try:
            await super().__call__(*arguments)
        finally:
            await self._leave()

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Without the parent's look at the database's connections, which waits for a thread at each message."""
        await getattr(self, message["type"].replace(".", "_"))(message)

    async def connect(self) -> None:
        user = await self._viewer()
        limits = settings.ALKNET.live
        if user is None or not seats.take(user, most_of_user=limits.per_user, most=limits.sockets):
            await self.close()
            return
        self._user = user
        await self.channel_layer.group_add(GROUP, self.channel_name)
        await self.accept()
        self._watch = asyncio.create_task(self._keep_checking(limits.check))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.close(NOTHING_IS_READ)

    async def activity_new(self, message: dict[str, Any]) -> None:
        await self.send(json.dumps({"newest": message["newest"], "kinds": message["kinds"]}))

    async def access_changed(self, _: dict[str, Any]) -> None:
        """Somebody's role, session or password was changed in this process: it may be this page's user."""
        await self._may_stay()

    async def _viewer(self) -> int | None:
        cookies = [value.decode("latin-1") for name, value in self.scope["headers"] if name == b"cookie"]
        key = session_key("; ".join(cookies))
        if key is None:
            return None
        self._session = key
        user: int | None = await database_sync_to_async(viewer)(key)
        return user

    async def _keep_checking(self, seconds: float) -> None:
        """From the moment it is told of changes on. The group's memory of a member ends after a day, and is renewed."""
        while await self._may_stay():
            await asyncio.sleep(seconds)
            await self.channel_layer.group_add(GROUP, self.channel_name)

    async def _may_stay(self) -> bool:
        may = await database_sync_to_async(viewer)(self._session) == self._user
        if not may:
            await self.close(SIGNED_OUT)
        return bool(may)

    async def _leave(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        if self._user is not None:
            seats.leave(self._user)
            self._user = None
            await self.channel_layer.group_discard(GROUP, self.channel_name)
