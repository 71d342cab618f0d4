"""What the vectors of spec call §15 on rights ask for: access, resources, composition and routing, on a dialog node."""

from typing import Any

from node.core.access import AccessControl
from node.core.identity import Identity
from node.core.index import build_index
from node.core.peers import PeerEntry
from node.core.tokens import hash_token
from node.handlers.call.authority import CompositionAuthority, ScopedEnvironment
from node.handlers.call.operation import Operation, OperationContext
from node.handlers.call.peers import ANY_PEER, Overlay, SpecificPeer
from tests.support.call_dialogs import PEERS, DialogNode

CALLERS = {
    "z": PeerEntry("z", scopes=("z",), resources={"service": ("write",)}),
    "alice": PeerEntry("alice"),
    "bob": PeerEntry("bob"),
    "chat": PeerEntry("chat", scopes=("chat",)),
    "reader": PeerEntry("reader", scopes=("fs:read",)),
}
"""By the token that each has."""

EXEC = AccessControl(resource_type="container", resource_action="exec")
READ = AccessControl(required_scopes=("fs:read",))
POINTERS = {"dots": "$.data.id", "slash": "$.data/id", "plain": "containerId", "root": "$"}


async def give(value: Any, _: OperationContext) -> Any:
    return value


async def show(_: Any, context: OperationContext) -> Any:
    """What a handler finds of its own call."""
    return {
        "identity": context.identity.id if context.identity else None,
        "metadata": context.metadata,
        "forwarded_for": context.forwarded_for,
        "internal": context.internal,
    }


async def ask_child(value: Any, context: OperationContext) -> Any:
    """Composes `files/NAME`, having kept something for itself."""
    context.metadata["secret"] = "mine"
    return await context.env.invoke("files", value, None, context)


async def route(value: Any, context: OperationContext) -> Any:
    peer = SpecificPeer(value) if value else ANY_PEER
    return await context.env.invoke_peer(peer, "container", "exec", None, context)


def overlay(peer: str) -> Overlay:
    async def who(_: Any, __: OperationContext) -> str:
        return peer

    return Overlay([Operation("container/exec", who)])


def with_rights(node: DialogNode) -> DialogNode:
    """The same node, with callers, operations and two peers that it has imported from: a, then b."""
    tokens = [
        PeerEntry(who.peer_id, (), hash_token(token), who.scopes, who.resources) for token, who in CALLERS.items()
    ]
    node.provider.publish(build_index([*PEERS, *tokens]))
    assert node.registry.ownership is not None
    node.registry.ownership.record(Identity("alice"), "container", "c1")
    reach = ScopedEnvironment(frozenset({"files/read"}))
    for operation in (
        Operation("any/run", give, access=AccessControl(required_scopes_any=("x", "y"))),
        Operation("service/run", give, access=AccessControl(resource_type="service", resource_action="read")),
        Operation("container/run", give, access=EXEC, resource_id_path="$.containerId"),
        *(Operation(f"pointer/{name}", give, access=EXEC, resource_id_path=path) for name, path in POINTERS.items()),
        Operation("files/read", show, access=READ),
        Operation("files/other", show),
        Operation("agent/able", ask_child, authority=CompositionAuthority("agent", ("fs:read",)), scoped_env=reach),
        Operation("agent/bare", ask_child, authority=CompositionAuthority("agent"), scoped_env=reach),
        Operation("route/open", route, scoped_env=ScopedEnvironment(frozenset({"container/exec"}))),
        Operation("route/pinned", route, scoped_env=ScopedEnvironment(pinned=frozenset({"a/container/exec"}))),
    ):
        node.registry.register(operation)
    for peer in "ab":
        node.handler.peers.attach(peer, overlay(peer))
    return node
