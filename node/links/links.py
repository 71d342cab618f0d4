"""All links of a node to others: those that it dials, and those that it waits for."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from node.core.index import IndexSwap
from node.core.live import Live
from node.core.repository import IdentityProvider
from node.core.tasks import TaskSet
from node.handlers.call.handler import CallHandler
from node.links.awaited import AwaitedNodes
from node.links.dialled import DialledLink, Dialling
from node.links.settings import LinkSettings
from node.links.state import LinkCounts, LinkState

Wanted = Mapping[str, LinkSettings]


class Links:
    """Follows the settings: a node that is new there is dialled, one that is gone is left, a changed one is made anew.

    What is waited for is found from the first connection on; nothing is dialled before `dial`.
    """

    def __init__(self, handler: CallHandler, provider: IdentityProvider, wanted: Live[Wanted]) -> None:
        self._handler = handler
        self._wanted = wanted
        self._counts = LinkCounts()
        self._states: dict[str, LinkState] = {}
        self._awaited = AwaitedNodes(handler.peers, provider, self._states.get)
        self._dialling: Dialling | None = None
        self._dialled: dict[str, asyncio.Task[None]] = {}
        self._tasks = TaskSet()
        handler.greet_with(self._awaited.greet)
        self.follow()

    def dial(self, dialling: Dialling) -> None:
        """From now on keep up the links to the nodes that have an address."""
        self._dialling = dialling
        for state in self._states.values():
            self._start(state)

    def follow(self) -> None:
        """The settings may have changed."""
        wanted = self._wanted.value
        for name, state in tuple(self._states.items()):
            if wanted.get(name) != state.wanted:
                self._leave(name)
        for name in wanted.keys() - self._states.keys():
            self._states[name] = LinkState(name, wanted[name], self._counts)
            self._start(self._states[name])
        self._awaited.look_again()

    def peers_changed(self, swap: IndexSwap) -> None:
        """A connection may be another's by now. Subscribe this to the store."""
        if swap.changed is None or not swap.changed.isdisjoint(self._states):
            self._awaited.look_again()

    def facts(self) -> list[dict[str, Any]]:
        """Each link by its name, as `LinkState.facts` tells of it."""
        imported = self._handler.peers.snapshot()
        return [state.facts(len(imported.get(name, ()))) for name, state in sorted(self._states.items())]

    def snapshot(self) -> dict[str, int]:
        connected = sum(state.connected for state in self._states.values())
        return {"configured": len(self._states), "connected": connected, **asdict(self._counts)}

    def dial_no_more(self) -> None:
        """The node ends. What is asked by a link meanwhile is still answered."""
        if self._dialling is not None:
            self._dialling.enough.set()

    async def close(self) -> None:
        """End every link. Nothing is dialled any more."""
        self._dialling = None
        self._dialled.clear()
        await self._awaited.close()
        await self._tasks.cancel()

    def _start(self, state: LinkState) -> None:
        if self._dialling is not None and state.wanted.address is not None:
            link = DialledLink(self._handler, self._dialling, state)
            self._dialled[state.name] = self._tasks.spawn(link.run(), f"link to {state.name}")

    def _leave(self, name: str) -> None:
        del self._states[name]
        task = self._dialled.pop(name, None)
        if task is not None:
            task.cancel()
