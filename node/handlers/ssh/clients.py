"""The connections of SSH: those that have not signed in yet, and those of each peer."""

from collections import defaultdict
from collections.abc import Iterable

from node.handlers.ssh.connection import SshConnection


class Clients:
    """Bounded by settings, which are asked each time. A connection is added when it comes, and removed at its end."""

    def __init__(self) -> None:
        self._waiting: set[SshConnection] = set()
        self._by_peer: defaultdict[str, set[SshConnection]] = defaultdict(set)
        self._rejected = 0

    def snapshot(self) -> dict[str, int]:
        signed_in = self.of(None)
        return {
            "connections": len(signed_in),
            "waiting": len(self._waiting),
            "sessions": sum(len(one.sessions) for one in signed_in),
            "rejected": self._rejected + sum(one.attempts for one in (*self._waiting, *signed_in)),
        }

    @property
    def waiting(self) -> int:
        """How many have not signed in yet."""
        return len(self._waiting)

    def add(self, served: SshConnection) -> None:
        self._waiting.add(served)

    def admit(self, served: SshConnection) -> bool:
        """Count a connection that has signed in to its peer; False where that has its share."""
        self._waiting.discard(served)
        others = self._by_peer[served.identity.id]
        if len(others) >= served.settings.max_connections:
            return False
        others.add(served)
        return True

    def remove(self, served: SshConnection) -> None:
        self._rejected += served.attempts
        self._waiting.discard(served)
        others = self._by_peer.get(served.identity.id, set())
        others.discard(served)
        if not others:
            self._by_peer.pop(served.identity.id, None)

    def of(self, peers: Iterable[str] | None) -> list[SshConnection]:
        """Those of these peers, or of all."""
        names = tuple(self._by_peer) if peers is None else tuple(peers)
        return [served for name in names for served in self._by_peer.get(name, ())]
