"""Nodes that dial this one, and whose operations the settings take: found among the connections that are accepted."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class _Importing:
    """What runs for one connection."""

    state: LinkState
    importer: Importer
    task: "asyncio.Task[None]"


class AwaitedNodes:
    """Looks at each connection when it comes, and again when the settings or the peers have changed.

    Who it is, the key says that was proven, by the list of peers of that moment. Strangers are nobody.
    """

    def __init__(self, peers: PeerMap, provider: IdentityProvider, find: Find) -> None:
        self._peers = peers
        self._provider = provider
        self._find = find
        self._live: dict[CallConnection, _Importing | None] = {}
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
        if wanted is (running and running.state):
            return
        self._live[calls] = None
        before = self._stop(calls, running)
        if wanted is not None and wanted.wanted.imports is not None:
            importer = Importer(calls, self._peers, wanted.wanted.imports, wanted)
            wanted.opened(calls)
            task = self._tasks.spawn(_run(importer, before), f"import from {wanted.name}")
            self._live[calls] = _Importing(wanted, importer, task)

    def _wanted(self, auth: AuthContext) -> LinkState | None:
        identity = resolve_client(self._provider, auth)
        state = None if identity is None else self._find(identity.id)
        if state is None or state.wanted.address is not None:
            return None
        pin = state.wanted.fingerprint
        return state if pin is None or pin in auth.fingerprints else None

    def _stop(self, calls: CallConnection, running: _Importing | None) -> "asyncio.Task[None] | None":
        if running is None:
            return None
        running.state.closed(calls)
        running.importer.withdraw()
        running.task.cancel()
        for other in self._live.values():
            if other is not None and other.state is running.state:
                other.importer.stand_in()
        return running.task

    def _ended(self, calls: CallConnection) -> None:
        self._stop(calls, self._live.pop(calls, None))


async def _run(importer: Importer, before: "asyncio.Task[None] | None") -> None:
    """Import by a connection, once the import by it for another link has withdrawn everything."""
    if before is not None:
        await asyncio.wait((before,))
    await importer.run()
