"""Which events somebody wants to read."""

from dataclasses import dataclass

from node.core.journal import EventKind


@dataclass(frozen=True, slots=True)
class Chosen:
    """Those that are of one of these kinds, of this peer and of this connection; None leaves all in.

    A connection's id means one connection in one life of the node only: it is the last one's.
    """

    kinds: tuple[EventKind, ...] | None = None
    peer_id: str | None = None
    connection: int | None = None

    def conditions(self) -> tuple[list[str], list[object]]:
        """As conditions of SQL, all of which must hold, and the values of their places."""
        found: list[tuple[str, list[object]]] = []
        if self.kinds is not None:
            kinds = [kind.value for kind in self.kinds]
            found.append((f"kind IN ({', '.join('?' * len(kinds))})", [*kinds]))
        if self.peer_id is not None:
            found.append(("peer_id = ?", [self.peer_id]))
        if self.connection is not None:
            found.append((_OF_LAST_LIFE, [self.connection]))
        return [condition for condition, _ in found], [value for _, values in found for value in values]


EVERYTHING = Chosen()
_OF_LAST_LIFE = "connection = ? AND boot = (SELECT boot FROM events ORDER BY number DESC LIMIT 1)"
