"""Nodes that dial this one, and whose operations the settings take: found among the connections that are accepted."""

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial

from node.core.identity import AuthContext
from node.core.repository import IdentityProvider, resolve_client
from node.core.tasks import TaskSet
from node.handlers.call.connection import CallConnection
from node.handlers.call.peers import PeerMap
from node.links.importing import Importer
from node.links.state import LinkState

Find = Callable[[str], LinkState | None]
"""The link of that name."""
Importing = tuple[LinkState, "asyncio.Task[None]"]


class AwaitedNodes:
    """Looks at each connection when it comes, and again when the settings or the peers have changed.

    Who it is, the key says that was proven, by the list of peers of that moment. Strangers are nobody.
    """

    def __init__(self, peers: PeerMap, provider: IdentityProvider, find: Find) -> None:
        self._peers = peers
        self._provider = provider
        self._find = find
        self._live: dict[CallConnection, Importing | None] = {}
        self._tasks = TaskSet()

    def greet(self, calls: CallConnection) -> None:
        """A connection was accepted. Without a key it can never be a peer's."""
        if calls.auth.fingerprints:
            self._live[calls] = None
            calls.on_end(partial(self._ended, calls))
            self._look(calls)

    def look_again(self) -> None:
        for calls in tuple(self._live):
            self._look(calls)

    async def close(self) -> None:
        self._live.clear()
        await self._tasks.cancel()

    def _look(self, calls: CallConnection) -> None:
        running, wanted = self._live[calls], self._wanted(calls.auth)
        if wanted is (running and running[0]):
            return
        before = self._stop(calls, running)
        self._live[calls] = None if wanted is None else (wanted, self._start(calls, wanted, before))

    def _wanted(self, auth: AuthContext) -> LinkState | None:
        identity = resolve_client(self._provider, auth)
        state = None if identity is None else self._find(identity.id)
        if state is None or state.wanted.address is not None:
            return None
        pin = state.wanted.fingerprint
        return state if pin is None or pin in auth.fingerprints else None

    def _start(
        self, calls: CallConnection, state: LinkState, before: "asyncio.Task[None] | None"
    ) -> "asyncio.Task[None]":
        state.opened(calls)
        return self._tasks.spawn(self._import(calls, state, before), f"import from {state.name}")

    async def _import(self, calls: CallConnection, state: LinkState, before: "asyncio.Task[None] | None") -> None:
        """Import by a connection, once the import by it for another link has withdrawn everything."""
        if before is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait((before,))
        if state.wanted.imports is not None:
            await Importer(calls, self._peers, state.wanted.imports, state).run()

    def _stop(self, calls: CallConnection, running: Importing | None) -> "asyncio.Task[None] | None":
        if running is None:
            return None
        state, task = running
        state.closed(calls)
        task.cancel()
        return task

    def _ended(self, calls: CallConnection) -> None:
        self._stop(calls, self._live.pop(calls, None))
