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
    """Membership, and lookup by peer and by key in constant time; nothing is left behind by a connection that ended.

    A connection that came as a stranger is found by its key: the key may have got a peer since.
    """

    def __init__(self) -> None:
        self._all: set[LiveConnection] = set()
        self._by_peer: defaultdict[str, set[LiveConnection]] = defaultdict(set)
        self._by_fingerprint: defaultdict[str, set[LiveConnection]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[LiveConnection]:
        """A snapshot, so that the caller may end connections on the way."""
        return iter(tuple(self._all))

    def add(self, live: LiveConnection) -> None:
        self._all.add(live)
        for index, name in self._places(live):
            index[name].add(live)

    def discard(self, live: LiveConnection) -> None:
        self._all.discard(live)
        for index, name in self._places(live):
            index[name].discard(live)
            if not index[name]:
                del index[name]

    def touched_by(self, peer_ids: Iterable[str], fingerprints: Iterable[str]) -> set[LiveConnection]:
        """The connections that were accepted as one of these peers, or that proved one of these keys."""
        found = [self._by_peer.get(name, ()) for name in peer_ids]
        found += [self._by_fingerprint.get(name, ()) for name in fingerprints]
        return set().union(*found)

    def _places(self, live: LiveConnection) -> Iterator[tuple[defaultdict[str, set[LiveConnection]], str]]:
        if live.peer_id is not None:
            yield self._by_peer, live.peer_id
        for fingerprint in live.auth.fingerprints:
            yield self._by_fingerprint, fingerprint
