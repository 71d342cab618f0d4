"""The vectors of spec call §15 on access, pointers, composition and routing, asked by a raw peer."""

from typing import Any

import pytest

from tests.support.call_dialogs import FINGERPRINT, DialogNode
from tests.support.call_rights import overlay, with_rights
from tests.support.raw_call import RawPeer


@pytest.fixture
def node(request: pytest.FixtureRequest) -> DialogNode:
    return with_rights(DialogNode(*getattr(request, "param", ())))


async def ask(peer: RawPeer, who: str, operation: str, value: Any = None) -> Any:
    """The output, or the code and message of the error."""
    claim = {"id": "root", "scopes": ["x", "fs:read", "admin"], "resources": {"service": ["read"]}}
    await peer.request("1", operation, value, auth_token=who, forwarded_for=claim)
    kind, payload = await peer.next("1")
    return payload["output"] if kind == "call.responded" else f"{payload['code']} {payload['message']}"


async def test_acl_one_of_several_scopes(peer: RawPeer) -> None:
    assert await ask(peer, "z", "any/run") == "FORBIDDEN missing required scope (any of: x, y)"


async def test_acl_action_on_a_type_of_resource(peer: RawPeer) -> None:
    assert await ask(peer, "z", "service/run") == "FORBIDDEN missing resource: service/read"


@pytest.mark.parametrize(
    ("who", "value", "answer"),
    [
        ("alice", {"containerId": "c1"}, {"containerId": "c1"}),
        ("alice", {"containerId": "c2"}, "FORBIDDEN not owner of resource: container/c2"),
        ("alice", {}, {}),
        ("bob", {}, "FORBIDDEN no owned resources of type: container"),
        ("bob", {"containerId": "c1"}, "FORBIDDEN not owner of resource: container/c1"),
    ],
)
async def test_acl_ownership(peer: RawPeer, who: str, value: Any, answer: Any) -> None:
    assert await ask(peer, who, "container/run", value) == answer


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("dots", {"data": {"id": "xyz"}}, True),
        ("slash", {"data": {"id": "xyz"}}, True),
        ("dots", {"data": {"id": 42}}, False),
        ("plain", {"containerId": "xyz"}, False),
        ("root", "xyz", False),
    ],
)
async def test_pointer_to_what_must_be_owned(peer: RawPeer, name: str, value: Any, named: bool) -> None:
    """Where it leads to nothing, alice has something of the kind, and that is enough (D7)."""
    answer = await ask(peer, "alice", f"pointer/{name}", value)
    assert answer == ("FORBIDDEN not owner of resource: container/xyz" if named else value)


async def test_composition_by_the_authority_of_the_handler(peer: RawPeer) -> None:
    assert await ask(peer, "chat", "files/read") == "FORBIDDEN missing required scope: fs:read"
    child = {"identity": "agent", "metadata": {}, "forwarded_for": None, "internal": True}
    assert await ask(peer, "chat", "agent/able", "read") == child


async def test_composition_not_by_the_scopes_of_the_caller(peer: RawPeer) -> None:
    assert await ask(peer, "reader", "agent/bare", "read") == "FORBIDDEN missing required scope: fs:read"


async def test_composition_out_of_reach_is_not_found(peer: RawPeer) -> None:
    assert await ask(peer, "chat", "agent/able", "other") == "NOT_FOUND operation not found: files/other"


async def test_routing_to_the_first_peer_or_the_one_that_is_named(peer: RawPeer, node: DialogNode) -> None:
    missing = "NOT_FOUND operation not found: container/exec"
    assert [await ask(peer, "chat", "route/open", to) for to in ("", "a", "b")] == ["a", "a", "b"]
    node.handler.peers.detach("a", node.handler.peers.snapshot()["a"])
    assert [await ask(peer, "chat", "route/open", to) for to in ("", "a", "b")] == ["b", missing, "b"]
    node.handler.peers.attach("a", overlay("a again"))
    assert [await ask(peer, "chat", "route/open", to) for to in ("", "a")] == ["b", "a again"]


async def test_routing_of_what_is_pinned_to_a_peer(peer: RawPeer) -> None:
    missing = "NOT_FOUND operation not found: container/exec"
    assert [await ask(peer, "chat", "route/pinned", to) for to in ("", "a", "b")] == [missing, "a", missing]


@pytest.mark.parametrize("node", [(None, FINGERPRINT)], indirect=True)
async def test_routing_to_the_peer_of_the_connection_whoever_asks_by_a_token(peer: RawPeer, node: DialogNode) -> None:
    missing = "NOT_FOUND operation not found: container/exec"
    assert [await ask(peer, "chat", "route/open", to) for to in ("root", "chat")] == [missing, missing]
    node.calls.imported.add(overlay("root"))
    assert [await ask(peer, "chat", "route/open", to) for to in ("root", "chat")] == ["root", missing]
