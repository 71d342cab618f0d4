"""The connections that are being served right now, by the peer they were accepted as."""

import asyncio
import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from node.core.connection import Connection
from node.core.identity import AuthContext

_ids = itertools.count(1)


@dataclass(eq=False, slots=True)
class LiveConnection:
    """One connection and the task that serves it. `peer_id` is None for a key that nobody holds, or no key at all."""

    connection: Connection
    auth: AuthContext
    id: int = field(default_factory=lambda: next(_ids))
    task: asyncio.Task[Any] | None = None

    @property
    def peer_id(self) -> str | None:
        return self.auth.identity.id if self.auth.identity else None

    def end(self, code: int, reason: str) -> None:
        """Close the connection, then stop whatever its handler was doing."""
        try:
            self.connection.close(code, reason)
        finally:
            if self.task is not None:
                self.task.cancel()


class LiveConnections:
    """Membership and lookup by peer in constant time; nothing is left behind by a connection that has ended."""

    def __init__(self) -> None:
        self._by_peer: defaultdict[str | None, set[LiveConnection]] = defaultdict(set)

    def __len__(self) -> int:
        return sum(map(len, self._by_peer.values()))

    def __iter__(self) -> Iterator[LiveConnection]:
        """A snapshot, so that the caller may end connections on the way."""
        return iter([live for group in self._by_peer.values() for live in group])

    def add(self, live: LiveConnection) -> None:
        self._by_peer[live.peer_id].add(live)

    def discard(self, live: LiveConnection) -> None:
        group = self._by_peer.get(live.peer_id, set())
        group.discard(live)
        if not group:
            self._by_peer.pop(live.peer_id, None)

    def of_peers(self, peer_ids: Iterable[str] | None) -> list[LiveConnection]:
        """The connections accepted as one of these peers; as any peer at all for None."""
        names = [name for name in self._by_peer if name is not None] if peer_ids is None else peer_ids
        return [live for name in names for live in self._by_peer.get(name, ())]
