"""The connections of SSH: those that have not signed in yet, and those of each peer."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from node.core.address import origin_of
from node.core.connection import CLOSE_NORMAL
from node.core.identity import Address
from node.handlers.ssh.connection import SshConnection


class Connections:
    """Bounded by settings, which are asked each time. A connection is added when it comes, and removed at its end."""

    def __init__(self) -> None:
        self._waiting: dict[SshConnection, str] = {}
        """With the address that each comes from, the oldest first."""
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

    def has_room(self, address: Address | None, most: int) -> bool:
        """Whether one more from there may wait to sign in.

        Where so many wait already, the address with the most of them gives up its oldest one: who opens connections and
        says nothing keeps nobody else out.
        """
        if len(self._waiting) < most:
            return True
        shares = Counter(self._waiting.values())
        origin, share = max(shares.items(), key=lambda item: item[1])
        if shares[_origin(address)] + 1 >= share:
            return False
        oldest = next(served for served, place in self._waiting.items() if place == origin)
        self._waiting.pop(oldest)
        self._rejected += oldest.attempts
        oldest.attempts = 0
        oldest.close(CLOSE_NORMAL, "others wait to sign in")
        return True

    def add(self, served: SshConnection, address: Address | None) -> None:
        self._waiting[served] = _origin(address)

    def admit(self, served: SshConnection) -> bool:
        """Count a connection that has signed in to its peer; False where that has its share."""
        self._waiting.pop(served, None)
        others = self._by_peer[served.identity.id]
        if len(others) >= served.settings.max_connections:
            return False
        others.add(served)
        return True

    def remove(self, served: SshConnection) -> None:
        self._rejected += served.attempts
        self._waiting.pop(served, None)
        others = self._by_peer.get(served.identity.id, set())
        others.discard(served)
        if not others:
            self._by_peer.pop(served.identity.id, None)

    def of(self, peers: Iterable[str] | None) -> list[SshConnection]:
        """Those of these peers, or of all."""
        names = tuple(self._by_peer) if peers is None else tuple(peers)
        return [served for name in names for served in self._by_peer.get(name, ())]


def _origin(address: Address | None) -> str:
    return "" if address is None else origin_of(address[0])
