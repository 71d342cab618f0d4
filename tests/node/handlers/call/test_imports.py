"""Importing the operations of a peer that says what it likes (spec call §13)."""

import asyncio
from typing import Any

import pytest

from node.core.access import AccessControl
from node.core.identity import AuthContext, Identity
from node.handlers.call.authority import Provenance
from node.handlers.call.errors import CallError, DeclaredError
from node.handlers.call.hub import import_peer
from node.handlers.call.import_errors import (
    DiscoveryFailed,
    SamePeerCollision,
    SchemaParse,
    TooMuchOffered,
    TransportFailed,
    Unauthorized,
)
from node.handlers.call.imports import ImportRules, from_call
from node.handlers.call.operation import ANYBODY, Operation, OperationContext, OperationType, Visibility
from node.handlers.call.peers import Overlay, PeerMap
from tests.support.offering import described, offering

PEER = Identity("worker-a")
LABEL = Identity("assistant")


def context(identity: Identity | None = LABEL) -> OperationContext:
    return OperationContext("local-1", identity, AuthContext.anonymous(b"alknet/call"), None, None)


def guarded(operation: Operation) -> Operation:
    found = Overlay([operation]).get(operation.name)
    assert found is not None
    return found


async def test_a_description_is_rebuilt_whole() -> None:
    schema = {"type": "object", "required": ["path"]}
    offer = described(
        "fs/readFile",
        "mutation",
        input_schema=schema,
        output_schema={"type": "string"},
        error_schemas=[{"code": "NO_FILE", "description": "no file", "schema": schema, "http_status": 404}],
        access_control={
            "required_scopes": ["fs:read"],
            "required_scopes_any": ["x"],
            "resource_type": "file",
            "resource_action": "read",
        },
    )
    async with offering(offer) as peer:
        [operation] = await from_call(peer.calls)
    assert (operation.name, operation.op_type) == ("fs/readFile", OperationType.MUTATION)
    assert (operation.input_schema, operation.output_schema) == (schema, {"type": "string"})
    assert operation.error_schemas == (DeclaredError("NO_FILE", "no file", schema, 404),)
    assert operation.access == AccessControl(("fs:read",), ("x",), "file", "read")
    assert (operation.visibility, operation.provenance) == (Visibility.INTERNAL, Provenance.FROM_CALL)
    assert (operation.authority, operation.scoped_env, operation.resource_id_path) == (None, None, None)


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"visibility": None, "input_schema": None, "output_schema": 5, "error_schemas": None, "access_control": None},
        {"error_schemas": {}, "access_control": {"required_scopes": "admin"}},
        {"error_schemas": [5, {}, {"code": ""}, {"code": 5}, {"code": "TIMEOUT"}], "access_control": []},
        {"input_schema": {"type": "no such type"}, "output_schema": {"$ref": "https://example.org/schema"}},
    ],
)
async def test_what_is_missing_or_odd_asks_and_promises_nothing(odd: dict[str, Any]) -> None:
    async with offering({"name": "a/b", "op_type": "query", **odd}) as peer:
        [operation] = await from_call(peer.calls)
    assert (operation.access, operation.error_schemas) == (ANYBODY, ())
    operation.check_input({"anything": 1})


async def test_an_error_is_taken_once_and_its_odd_parts_are_not() -> None:
    entries = [
        {"code": "X", "http_status": True, "schema": [], "description": 5},
        {"code": "X", "description": "again"},
    ]
    async with offering(described("a/b", error_schemas=entries)) as peer:
        [operation] = await from_call(peer.calls)
    assert operation.error_schemas == (DeclaredError("X", ""),)


async def test_a_schema_of_a_peer_is_never_run() -> None:
    """Each level asks its successor twice: whoever runs it for one input runs it 2^40 times."""
    levels = {f"l{n}": {"allOf": [{"$ref": f"#/$defs/l{n + 1}"}] * 2} for n in range(40)}
    slow = {"$defs": levels | {"l40": {}}, "$ref": "#/$defs/l0"}
    async with offering(described("a/b", input_schema=slow, output_schema=slow)) as peer:
        [operation] = await from_call(peer.calls)
    operation.check_input({"a": 1})
    operation.check_output({"a": 1})
    assert operation.schema()["input_schema"] == slow


LISTED = {"operations": [{"name": "a/b"}]}
REFUSED = {"error": {"code": "FORBIDDEN", "message": "no", "retryable": False}}
BROKEN = {"error": {"code": "INTERNAL", "message": "boom", "retryable": False}}


@pytest.mark.parametrize(
    ("listed", "description", "error"),
    [
        (None, None, DiscoveryFailed),
        (LISTED, None, DiscoveryFailed),
        (BROKEN, None, DiscoveryFailed),
        (LISTED, BROKEN, DiscoveryFailed),
        (REFUSED, None, Unauthorized),
        (LISTED, REFUSED, Unauthorized),
        ({}, None, SchemaParse),
        ([], None, SchemaParse),
        ({"operations": {}}, None, SchemaParse),
        ({"operations": [5]}, None, SchemaParse),
        ({"operations": [{"name": 5}]}, None, SchemaParse),
        (LISTED, 5, SchemaParse),
        (LISTED, {}, SchemaParse),
        (LISTED, {"op_type": "sometimes"}, SchemaParse),
        (LISTED, {"op_type": ["query"]}, SchemaParse),
        ({"operations": [{"name": "a/b"}, {"name": "/a/b"}]}, described("a/b"), SamePeerCollision),
        (LISTED, described("a/b", input_schema={"x": "y" * 2000}), TooMuchOffered),
        ({"operations": [{"name": f"a/{n}"} for n in range(4)]}, None, TooMuchOffered),
    ],
)
async def test_an_import_that_fails_says_why_and_leaves_nothing(listed: Any, description: Any, error: type) -> None:
    peers = PeerMap()
    async with offering(described("a/b"), peer=PEER) as peer:
        peer.listed, peer.described["a/b"] = listed, description
        rules = ImportRules(timeout=0.5, max_operations=3, max_schema=1024)
        with pytest.raises(error):
            await import_peer(peer.calls, peers, rules)
        assert (len(peer.calls.imported), dict(peers.snapshot())) == (0, {})
        assert not peer.calls._pending


async def test_all_descriptions_together_are_bounded() -> None:
    offers = [described(f"a/{n}", input_schema={"x": "y" * 500}) for n in range(10)]
    async with offering(*offers) as peer:
        with pytest.raises(TooMuchOffered):
            await from_call(peer.calls, ImportRules(max_schemas=4000))
        assert len(await from_call(peer.calls, ImportRules(max_schemas=10_000))) == 10


async def test_a_connection_that_ends_meanwhile_is_told_apart() -> None:
    async with offering(described("a/b"), peer=PEER) as peer:
        peer.listed = None
        importing = asyncio.create_task(import_peer(peer.calls, PeerMap()))
        while not peer.requests:
            await asyncio.sleep(0)
        peer.raw._connection.close()
        with pytest.raises(TransportFailed):
            await importing


async def test_names_can_be_chosen_and_prefixed_and_those_that_none_can_have_are_left_out() -> None:
    offers = [described(name) for name in ("a/b", "a/c", "alone", "vault/open", "a/" + "x" * 300, "bad name/x")]
    async with offering(*offers) as peer:
        assert [operation.name for operation in await from_call(peer.calls)] == ["a/b", "a/c"]
        chosen = ImportRules(namespace_prefix="far", operation_filter=lambda name: name in ("a/c", "alone"))
        assert [operation.name for operation in await from_call(peer.calls, chosen)] == ["far/a/c", "far/alone"]
        with_prefix = await from_call(peer.calls, ImportRules("vault"))
        assert with_prefix == ()


async def test_what_is_forwarded_is_the_input_and_on_whose_behalf() -> None:
    async with offering(described("a/b")) as peer:
        [operation] = await from_call(peer.calls, ImportRules(namespace_prefix="far"))
        echoed = await operation.once({"x": 1}, context())
        assert echoed == {"echo": {"operationId": "/a/b", "input": {"x": 1}, "forwarded_for": LABEL.to_json()}}
        assert peer.requests[-1]["id"] != "local-1"
        assert "forwarded_for" not in (await operation.once(1, context(None)))["echo"]
        [silent] = await from_call(peer.calls, ImportRules(on_behalf_of=lambda _: None))
        assert "forwarded_for" not in (await silent.once(1, context()))["echo"]


async def test_an_answer_that_is_too_large_is_an_error() -> None:
    async with offering(described("a/b")) as peer:
        [operation] = await from_call(peer.calls, ImportRules(max_output=200))
        assert "echo" in await operation.once("x", context())
        with pytest.raises(CallError, match="INTERNAL: the answer has"):
            await operation.once("x" * 200, context())


@pytest.mark.parametrize(("code", "told"), [("NO_FILE", "NO_FILE"), ("SURPRISE", "INTERNAL"), ("TIMEOUT", "TIMEOUT")])
async def test_errors_pass_as_far_as_they_were_announced(code: str, told: str) -> None:
    async with offering(described("a/b", error_schemas=[{"code": "NO_FILE"}])) as peer:
        [operation] = await from_call(peer.calls)
        peer._answer = lambda _: {"error": {"code": code, "message": "no", "retryable": True, "details": {"path": 1}}}  # type: ignore[method-assign]
        with pytest.raises(CallError) as caught:
            await guarded(operation).once(1, context())
        assert caught.value.code == told


async def test_a_subscription_is_forwarded_item_by_item() -> None:
    async with offering(described("a/s", "subscription")) as peer:
        [operation] = await from_call(peer.calls)
        items = [item async for item in guarded(operation).stream(5, context())]
    assert items == [{"echo": {"operationId": "/a/s", "input": 5, "forwarded_for": LABEL.to_json()}}]


async def test_a_peer_is_attached_until_its_connection_ends_and_a_newer_one_stays() -> None:
    peers = PeerMap()
    async with offering(described("new/op"), peer=PEER) as newer:
        async with offering(described("old/op"), peer=PEER) as older:
            await import_peer(older.calls, peers)
            assert [operation.name for operation in peers.snapshot()["worker-a"]] == ["old/op"]
            await import_peer(newer.calls, peers)
        assert [operation.name for operation in peers.snapshot()["worker-a"]] == ["new/op"]
        with pytest.raises(TransportFailed):
            await import_peer(older.calls, peers)
        assert [operation.name for operation in peers.snapshot()["worker-a"]] == ["new/op"]
    assert peers.snapshot() == {}


async def test_a_peer_without_an_identity_is_in_no_map() -> None:
    peers = PeerMap()
    async with offering(described("a/b")) as peer:
        [operation] = await import_peer(peer.calls, peers)
        assert (peers.snapshot(), peer.calls.imported.get("a/b") is not None) == ({}, True)
        assert operation.name == "a/b"


async def test_importing_again_replaces_what_is_known_and_adds_what_is_new() -> None:
    async with offering(described("a/b"), peer=PEER) as peer:
        await import_peer(peer.calls, PeerMap())
        peer.listed = {"operations": [{"name": "a/b"}, {"name": "a/c"}]}
        peer.described |= {"a/b": described("a/b", "mutation"), "a/c": described("a/c")}
        await import_peer(peer.calls, PeerMap())
        kinds = {operation.name: operation.op_type.value for operation in peer.calls.imported}
    assert kinds == {"a/b": "mutation", "a/c": "query"}
