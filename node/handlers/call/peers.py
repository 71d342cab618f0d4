"""The operations that other nodes offer to this one, by the peer that offers them (spec call §13)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from node.handlers.call.operation import Operation, OperationRegistry


@dataclass(frozen=True, slots=True)
class SpecificPeer:
    """That peer and no other: where it lacks the operation, nobody else is asked."""

    peer_id: str


@dataclass(frozen=True, slots=True)
class AnyPeer:
    """The first peer that has the operation, in the order in which peers were attached; then this node itself."""


ANY_PEER: Final = AnyPeer()

PeerRef = SpecificPeer | AnyPeer
"""Who is to run a composed operation."""


class Overlay:
    """Operations beside the node's own, for composition only: those that one connection imported, or of one session."""

    def __init__(self, operations: Iterable[Operation] = ()) -> None:
        self._operations: dict[str, Operation] = {}
        self.add(operations)

    def __iter__(self) -> Iterator[Operation]:
        return iter(tuple(self._operations.values()))

    def __len__(self) -> int:
        return len(self._operations)

    def add(self, operations: Iterable[Operation]) -> None:
        """Take all of them or none; one that is there already is replaced. Raises RegistrationError."""
        self._operations.update(_checked(operations))

    def replace(self, operations: Iterable[Operation]) -> None:
        """Have all of these and nothing else, or change nothing. Raises RegistrationError."""
        self._operations = _checked(operations)

    def get(self, name: str) -> Operation | None:
        return self._operations.get(name)


def _checked(operations: Iterable[Operation]) -> dict[str, Operation]:
    checked = OperationRegistry()
    for operation in operations:
        checked.register(operation)
    return {operation.name: operation for operation in checked}


Peers = Mapping[str, Overlay]
"""What each peer offers, by peer id, in the order in which they were attached."""


class PeerMap:
    """All peers whose operations this node has imported, whichever connection they came by."""

    def __init__(self) -> None:
        self._peers: Peers = {}

    def attach(self, peer_id: str, overlay: Overlay) -> None:
        """A peer that is here already keeps its place and offers these operations instead."""
        self._peers = {**self._peers, peer_id: overlay}

    def detach(self, peer_id: str, overlay: Overlay) -> None:
        """It is gone, unless something else was attached in the place of `overlay`. Harmless when repeated."""
        if self._peers.get(peer_id) is overlay:
            self._peers = {known: value for known, value in self._peers.items() if known != peer_id}

    def snapshot(self) -> Peers:
        """The peers of this moment. It never changes."""
        return self._peers
