"""How a handler has others do things: by name, within its reach, on its own authority (spec call §13).

The operations lie in layers. A request from the wire sees the node's own only; what a handler composes is looked for in
the layer of its session, then with the peers in the order in which they were attached, then among the node's own.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Protocol

from node.handlers.call.call_tree import AbortPolicy
from node.handlers.call.composition import compose
from node.handlers.call.operation import Operation, OperationContext
from node.handlers.call.peers import ANY_PEER, Overlay, PeerRef, Peers, SpecificPeer


class Layer(Protocol):
    """Operations by name."""

    def get(self, name: str) -> Operation | None: ...


class Environment(ABC):
    """What a handler finds as `context.env`. Each method takes the handler's own context as `parent`.

    Request and response only: a subscription is refused with INVALID_OPERATION_TYPE, and not cut to its first item.
    """

    __slots__ = ()

    async def invoke(self, namespace: str, operation: str, value: Any, parent: OperationContext) -> Any:
        """The output of `namespace/operation`. Raises CallError."""
        return await self.invoke_peer(ANY_PEER, namespace, operation, value, parent)

    async def invoke_with_policy(
        self, namespace: str, operation: str, value: Any, parent: OperationContext, policy: AbortPolicy
    ) -> Any:
        """The same, with another policy than the parent's for when nobody waits for it any more."""
        return await self.invoke_peer(ANY_PEER, namespace, operation, value, parent, policy)

    async def invoke_peer(
        self,
        peer: PeerRef,
        namespace: str,
        operation: str,
        value: Any,
        parent: OperationContext,
        policy: AbortPolicy | None = None,
    ) -> Any:
        """The same, of one peer or any. Raises CallError, NOT_FOUND also where that peer is not there."""
        return await compose(self.find, f"{namespace}/{operation}", value, parent, peer, policy)

    @abstractmethod
    def find(self, name: str, peer: PeerRef = ANY_PEER) -> Operation | None:
        """The operation that would run. Whether a handler can reach it is another question."""

    @abstractmethod
    def peer_ids(self) -> tuple[str, ...]:
        """The peers whose operations can be composed, in the order in which they were attached."""

    @abstractmethod
    def peer_operations(self, peer_id: str) -> tuple[Operation, ...]:
        """What that peer offers; nothing where it is not there."""

    def contains(self, name: str) -> bool:
        return self.find(name) is not None

    def peer_contains(self, peer_id: str, name: str) -> bool:
        return any(operation.name == name for operation in self.peer_operations(peer_id))


class SingleLayerEnvironment(Environment):
    """One layer and no peers: whichever peer is asked for, the operation is taken from here."""

    __slots__ = ("_layer",)

    def __init__(self, layer: Layer) -> None:
        self._layer = layer

    def find(self, name: str, peer: PeerRef = ANY_PEER) -> Operation | None:
        return self._layer.get(name)

    def peer_ids(self) -> tuple[str, ...]:
        return ()

    def peer_operations(self, peer_id: str) -> tuple[Operation, ...]:
        return ()


class LayeredEnvironment(Environment):
    """All layers, as one request from the wire finds them; every call below it shares the object."""

    __slots__ = ("_base", "_live", "_own_id", "_peers", "session")

    def __init__(self, base: Layer, peers: Peers, own_id: str | None = None, live: Overlay | None = None) -> None:
        """`live` is what the connection that the request came by has imported so far, and `own_id` its peer.

        It takes the place of what `peers` have for this peer, once there is anything in it.
        """
        self._base = base
        self._peers = peers
        self._own_id = own_id
        self._live = live
        self.session: Layer | None = None
        """The operations of one session, found before all others."""

    def find(self, name: str, peer: PeerRef = ANY_PEER) -> Operation | None:
        if isinstance(peer, SpecificPeer):
            overlay = self._overlay(peer.peer_id)
            return None if overlay is None else overlay.get(name)
        return next((found for layer in self._layers() if (found := layer.get(name)) is not None), None)

    def peer_ids(self) -> tuple[str, ...]:
        if self._own_id is None or not self._live or self._own_id in self._peers:
            return tuple(self._peers)
        return (*self._peers, self._own_id)

    def peer_operations(self, peer_id: str) -> tuple[Operation, ...]:
        return tuple(self._overlay(peer_id) or ())

    def _layers(self) -> Iterator[Layer]:
        if self.session is not None:
            yield self.session
        for peer_id in self.peer_ids():
            if (overlay := self._overlay(peer_id)) is not None:
                yield overlay
        yield self._base

    def _overlay(self, peer_id: str) -> Overlay | None:
        return self._live if self._live and peer_id == self._own_id else self._peers.get(peer_id)
