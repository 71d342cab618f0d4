"""The connections that are being served right now, by the peer they were accepted as."""

import asyncio
import itertools
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from node.core.connection import CLOSE_NORMAL, Connection, Proven
from node.core.grants import Carried
from node.core.identity import AuthContext

_ids = itertools.count(1)


@dataclass(eq=False, slots=True)
class LiveConnection:
    """One connection and the task that serves it. `peer_id` is None for a key that nobody holds, or no key at all.

    `proven` is whom its protocol has found out since. That is for people who look, and decides nothing here: such a
    protocol ends by itself what that peer loses the right to.
    `id` is its own for the life of the process, and grows; `since` is the wall clock's time, in seconds, and `begun`
    the time of a clock that never jumps.
    """

    connection: Connection
    auth: AuthContext
    id: int = field(default_factory=lambda: next(_ids))
    since: float = field(default_factory=time.time)
    begun: float = field(default_factory=time.monotonic)
    ending: tuple[int, str] = (CLOSE_NORMAL, "")
    """The code and the reason that `end` was first given."""
    carried: Carried = field(default_factory=Carried)
    proven: Proven | None = None
    task: asyncio.Task[Any] | None = None

    @property
    def peer_id(self) -> str | None:
        return self.auth.identity.id if self.auth.identity else None

    @property
    def shown(self) -> tuple[str | None, str | None]:
        """The peer and the key to be told of: as its protocol has proven them, else as it was accepted."""
        if self.proven is None:
            return self.peer_id, self.auth.tls_client_fingerprint
        return self.proven.identity.id, self.proven.fingerprint

    def end(self, code: int, reason: str) -> None:
        """Close the connection, then stop whatever its handler was doing."""
        if not self.ending[1]:
            self.ending = code, reason
        try:
            self.connection.close(code, reason)
        finally:
            if self.task is not None:
                self.task.cancel()


class LiveConnections:
    """Membership, and lookup by id, peer and key in constant time; nothing is left behind by a connection that ended.

    A connection that came as a stranger is found by its key: the key may have got a peer since.
    """

    def __init__(self) -> None:
        self._all: dict[int, LiveConnection] = {}
        self._by_peer: defaultdict[str, set[LiveConnection]] = defaultdict(set)
        self._by_fingerprint: defaultdict[str, set[LiveConnection]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[LiveConnection]:
        """A snapshot in the order of their ids, so that the caller may end connections on the way."""
        return iter(tuple(self._all.values()))

    def add(self, live: LiveConnection) -> None:
        self._all[live.id] = live
        for index, name in self._places(live):
            index[name].add(live)

    def discard(self, live: LiveConnection) -> None:
        self._all.pop(live.id, None)
        for index, name in self._places(live):
            index[name].discard(live)
            if not index[name]:
                del index[name]

    def prove(self, live: LiveConnection, proven: Proven) -> None:
        """Its protocol has found out who it is: from now on it is that peer's as well."""
        live.proven = proven
        if live.id in self._all:
            self._by_peer[proven.identity.id].add(live)

    @property
    def peers(self) -> int:
        """How many peers have a connection."""
        return len(self._by_peer)

    def get(self, connection_id: int) -> LiveConnection | None:
        return self._all.get(connection_id)

    def of_peer(self, peer_id: str) -> tuple[LiveConnection, ...]:
        """Those that were accepted as this peer, or have proven since to be it."""
        return tuple(self._by_peer.get(peer_id, ()))

    def touched_by(self, peer_ids: Iterable[str], fingerprints: Iterable[str]) -> set[LiveConnection]:
        """The connections of one of these peers, or that were accepted by one of these keys."""
        found = [self._by_peer.get(name, ()) for name in peer_ids]
        found += [self._by_fingerprint.get(name, ()) for name in fingerprints]
        return set().union(*found)

    def _places(self, live: LiveConnection) -> Iterator[tuple[defaultdict[str, set[LiveConnection]], str]]:
        for peer_id in {live.peer_id, live.shown[0]}:
            if peer_id is not None:
                yield self._by_peer, peer_id
        for fingerprint in live.auth.fingerprints:
            yield self._by_fingerprint, fingerprint
