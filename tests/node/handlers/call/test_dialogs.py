"""The dialogs of spec call §15, spoken by a raw client that shares no code with the implementation."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from node.core.access import AccessControl
from node.core.connection import CLOSE_REVOKED, BiStream, Connection
from node.core.errors import ConnectionClosed, StreamError
from node.core.identity import AuthContext, Identity
from node.core.index import IndexProvider, build_index
from node.core.peers import PeerEntry
from node.core.tokens import hash_token
from node.handlers.call.allowance import Allowance, Allowances
from node.handlers.call.connection import CallConnection
from node.handlers.call.discovery import register_discovery
from node.handlers.call.dispatch import Dispatcher
from node.handlers.call.errors import CallError, DeclaredError
from node.handlers.call.handler import ALPN, CallHandler
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import (
    Operation,
    OperationContext,
    OperationRegistry,
    OperationType,
    RegistrationError,
    Visibility,
)
from tests.support.raw_call import RawCaller, read_event, read_events
from tests.support.streams import connection_pair, stream_pair

FINGERPRINT = "ed25519:" + "0a" * 32


class Node:
    """A call handler with a few operations and peers, and a raw client for each connection made to it."""

    def __init__(self, limits: CallLimits) -> None:
        self.provider, self.registry, self.release = IndexProvider(), OperationRegistry(), asyncio.Event()
        self.contexts: list[OperationContext] = []
        self.cancelled = False
        register_discovery(self.registry)
        admin = AccessControl(required_scopes=("admin",))
        for operation in (
            Operation("echo/run", self.echo),
            Operation("admin/run", self.echo, access=admin),
            Operation("secret/op", self.echo, visibility=Visibility.INTERNAL),
            Operation("events/stream", self.stream, OperationType.SUBSCRIPTION),
            Operation("slow/run", self.slow, OperationType.MUTATION),
            Operation("broken/run", self.broken),
            Operation("declared/run", self.declared, error_schemas=(DeclaredError("FILE_NOT_FOUND", "no such file"),)),
        ):
            self.registry.register(operation)
        self.handler = CallHandler(self.registry, self.provider, limits)

    async def echo(self, value: Any, context: OperationContext) -> Any:
        self.contexts.append(context)
        return value

    async def stream(self, value: Any, _: OperationContext) -> AsyncIterator[Any]:
        yield value

    async def slow(self, value: Any, _: OperationContext) -> Any:
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return value

    async def broken(self, value: Any, _: OperationContext) -> Any:
        raise ZeroDivisionError("the secret is 42")

    async def declared(self, value: Any, _: OperationContext) -> Any:
        raise CallError("FILE_NOT_FOUND", "no such file", details=value)

    @contextlib.asynccontextmanager
    async def connected(self, fingerprint: str | None = None) -> AsyncIterator[RawCaller]:
        theirs, ours = connection_pair(ALPN)
        serving = asyncio.create_task(self._serve(ours, fingerprint))
        try:
            yield RawCaller(theirs)
        finally:
            theirs.close()
            await asyncio.wait_for(serving, 5)

    async def _serve(self, connection: Connection, fingerprint: str | None) -> None:
        await self.handler.handle(connection, AuthContext(None, ALPN, None, fingerprint))


@pytest.fixture
def node() -> Node:
    return Node(CallLimits())


@pytest.mark.parametrize("operation", ["/echo/run", "echo/run"])
async def test_t1_one_request_one_response_and_nothing_more(node: Node, operation: str) -> None:
    async with node.connected() as caller:
        assert await caller.ask(operation, {"msg": "hi"}) == ("call.responded", {"output": {"msg": "hi"}})


@pytest.mark.parametrize(
    ("operation", "named"),
    [("//echo/run", "/echo/run"), ("/no/such/op", "no/such/op"), ("/secret/op", "secret/op")],
)
async def test_t3_what_is_hidden_answers_like_what_is_missing(node: Node, operation: str, named: str) -> None:
    async with node.connected() as caller:
        kind, payload = await caller.ask(operation)
    assert (kind, payload["code"], payload["message"]) == ("call.error", "NOT_FOUND", f"operation not found: {named}")


async def test_t3_an_empty_payload_names_no_operation(node: Node) -> None:
    async with node.connected() as caller:
        stream = await caller.request("1", {})
        assert (await read_event(stream))["payload"]["message"] == "operation not found: "


async def test_t3_scopes_decide_and_a_bad_token_falls_back_to_the_key(node: Node) -> None:
    peers = [
        PeerEntry("root", (FINGERPRINT,), scopes=("admin",)),
        PeerEntry("user", auth_token_hash=hash_token("user token"), scopes=("user",)),
        PeerEntry("boss", auth_token_hash=hash_token("boss token"), scopes=("admin",)),
    ]
    node.provider.publish(build_index(peers))
    async with node.connected() as caller:
        denied = await caller.ask("/admin/run")
        assert denied == (
            "call.error",
            {"code": "FORBIDDEN", "message": "authentication required", "retryable": False},
        )
        as_user = await caller.ask("/admin/run", auth_token="user token")
        assert as_user[1]["message"] == "missing required scope: admin"
        assert await caller.ask("/admin/run", 1, auth_token="boss token") == ("call.responded", {"output": 1})
        assert (await caller.ask("/admin/run", 1, auth_token="unknown"))[1]["message"] == "authentication required"
    async with node.connected(FINGERPRINT) as caller:
        assert await caller.ask("/admin/run", 1, auth_token="unknown") == ("call.responded", {"output": 1})
        assert await caller.ask("/admin/run", 1, auth_token=7) == ("call.responded", {"output": 1})


async def test_scopes_follow_the_index_within_one_connection(node: Node) -> None:
    async with node.connected(FINGERPRINT) as caller:
        assert (await caller.ask("/admin/run"))[1]["message"] == "authentication required"
        node.provider.publish(build_index([PeerEntry("ann", (FINGERPRINT,), scopes=("admin",))]))
        assert (await caller.ask("/admin/run"))[0] == "call.responded"
        node.provider.publish(build_index([PeerEntry("ann", (FINGERPRINT,))]))
        assert (await caller.ask("/admin/run"))[1]["message"] == "missing required scope: admin"


async def test_t4_a_schema_has_its_eight_keys(node: Node) -> None:
    node.provider.publish(build_index([PeerEntry("ann", (FINGERPRINT,), scopes=("admin",))]))
    async with node.connected(FINGERPRINT) as caller:
        _, payload = await caller.ask("/services/schema", {"name": "/admin/run"})
    assert payload["output"] == {
        "name": "admin/run",
        "namespace": "admin",
        "op_type": "query",
        "visibility": "external",
        "input_schema": {},
        "output_schema": {},
        "error_schemas": [],
        "access_control": {
            "required_scopes": ["admin"],
            "required_scopes_any": None,
            "resource_type": None,
            "resource_action": None,
        },
    }


@pytest.mark.parametrize("name", ["secret/op", "admin/run", "no/such"])
async def test_the_schema_of_what_a_caller_may_not_call_is_not_found(node: Node, name: str) -> None:
    async with node.connected() as caller:
        _, payload = await caller.ask("/services/schema", {"name": name})
    assert (payload["code"], payload["message"]) == ("NOT_FOUND", f"operation not found: {name}")


async def test_t5_the_list_shows_what_the_caller_may_call(node: Node) -> None:
    public = {"echo/run", "events/stream", "slow/run", "broken/run", "declared/run"}
    public |= {"services/list", "services/schema", "node/whoami"}
    node.provider.publish(build_index([PeerEntry("ann", (FINGERPRINT,), scopes=("admin",))]))
    async with node.connected() as caller:
        _, payload = await caller.ask("/services/list", {})
        assert {entry["name"] for entry in payload["output"]["operations"]} == public
        stream = next(entry for entry in payload["output"]["operations"] if entry["name"] == "events/stream")
        assert stream == {"name": "events/stream", "namespace": "events", "op_type": "subscription"}
    async with node.connected(FINGERPRINT) as caller:
        _, payload = await caller.ask("/services/list", {})
        assert {entry["name"] for entry in payload["output"]["operations"]} == public | {"admin/run"}


async def test_t8_a_slow_request_holds_up_nobody_on_its_stream(node: Node) -> None:
    async with node.connected() as caller:
        stream = await caller.request("a", {"operationId": "/slow/run", "input": "a"})
        await caller.request("b", {"operationId": "/echo/run", "input": "b"}, stream=stream)
        stream.finish()
        assert await read_event(stream) == {"type": "call.responded", "id": "b", "payload": {"output": "b"}}
        node.release.set()
        assert await read_events(stream) == [{"type": "call.responded", "id": "a", "payload": {"output": "a"}}]


@pytest.mark.parametrize("value", [{}, None, {"name": 7}, "name"])
async def test_t9_a_schema_needs_a_name(node: Node, value: Any) -> None:
    async with node.connected() as caller:
        _, payload = await caller.ask("/services/schema", value)
    assert (payload["code"], payload["message"]) == ("INVALID_INPUT", "missing required field: name")


async def test_t10_a_claim_is_metadata_and_never_authority(node: Node) -> None:
    claim = {"id": "alice", "scopes": ["admin"], "resources": {}}
    async with node.connected() as caller:
        _, payload = await caller.ask("/admin/run", {}, forwarded_for=claim)
        assert payload["message"] == "authentication required"
        await caller.ask("/echo/run", {}, forwarded_for=claim)
        await caller.ask("/echo/run", {}, forwarded_for={"id": "alice"})
    assert [context.forwarded_for for context in node.contexts] == [Identity("alice", ("admin",)), None]
    assert [context.identity for context in node.contexts] == [None, None]


async def test_whoami_tells_how_the_node_sees_the_caller(node: Node) -> None:
    node.provider.publish(build_index([PeerEntry("ann", (FINGERPRINT,), None, ("a",), {"repo": ("web",)})]))
    async with node.connected(FINGERPRINT) as caller:
        assert (await caller.ask("/node/whoami"))[1]["output"] == {
            "identity": {"id": "ann", "scopes": ["a"], "resources": {"repo": ["web"]}},
            "fingerprint": FINGERPRINT,
            "alpn": "alknet/call",
        }
    async with node.connected() as caller:
        assert (await caller.ask("/node/whoami"))[1]["output"] == {
            "identity": None,
            "fingerprint": None,
            "alpn": "alknet/call",
        }


async def test_a_fault_in_an_operation_is_internal_and_tells_nothing(node: Node) -> None:
    async with node.connected() as caller:
        assert (await caller.ask("/broken/run"))[1] == {
            "code": "INTERNAL",
            "message": "internal error",
            "retryable": False,
        }
        assert (await caller.ask("/echo/run", 1))[0] == "call.responded"


async def test_an_operations_own_error_carries_its_details(node: Node) -> None:
    async with node.connected() as caller:
        assert (await caller.ask("/declared/run", {"path": "/etc/x"}))[1] == {
            "code": "FILE_NOT_FOUND",
            "message": "no such file",
            "retryable": False,
            "details": {"path": "/etc/x"},
        }


async def test_a_request_past_its_time_is_timed_out_and_cancelled() -> None:
    node = Node(CallLimits(request_timeout=0.05))
    async with node.connected() as caller:
        assert (await caller.ask("/slow/run"))[1] == {
            "code": "TIMEOUT",
            "message": "request timed out",
            "retryable": True,
        }
    assert node.cancelled


async def test_a_lost_connection_cancels_what_it_asked_for(node: Node) -> None:
    async with node.connected() as caller:
        await caller.request("a", {"operationId": "/slow/run"})
        await caller.ask("/echo/run")
    assert node.cancelled


@pytest.mark.parametrize("junk", [bytes(4), b"\xff" * 8, b"\x00\x00\x00\x02hi"])
async def test_a_broken_stream_leaves_the_others_alone(node: Node, junk: bytes) -> None:
    async with node.connected() as caller:
        broken = await caller.connection.open_bi()
        await broken.write(junk)
        with pytest.raises(StreamError):
            await broken.read()
        assert (await caller.ask("/echo/run", 1))[0] == "call.responded"


async def test_unknown_events_and_answers_to_nobody_are_ignored(node: Node) -> None:
    async with node.connected() as caller:
        stream = await caller.send({"type": "call.mystery", "id": "x", "payload": None})
        for kind in ("call.responded", "call.completed", "call.aborted", "call.error"):
            await caller.send({"type": kind, "id": "ghost", "payload": {}}, stream=stream)
        await caller.request("a", {"operationId": "/echo/run", "input": 1}, stream=stream)
        stream.finish()
        assert [event["id"] for event in await read_events(stream)] == ["a"]


async def test_requests_beyond_the_limit_wait_their_turn() -> None:
    node = Node(CallLimits(max_in_flight=2))
    async with node.connected() as caller:
        stream = await caller.request("0", {"operationId": "/slow/run"})
        for number in range(1, 5):
            await caller.request(str(number), {"operationId": "/slow/run"}, stream=stream)
        stream.finish()
        node.release.set()
        assert {event["id"] for event in await read_events(stream)} == {"0", "1", "2", "3", "4"}


@contextlib.asynccontextmanager
async def calling(limits: CallLimits) -> AsyncIterator[tuple[CallConnection, RawCaller]]:
    """Our side as the caller, a raw speaker as the node."""
    ours, theirs = connection_pair(ALPN)
    dispatcher = Dispatcher(OperationRegistry(), lambda *_: None, limits)
    calls = CallConnection(ours, AuthContext.anonymous(ALPN), dispatcher, limits, Allowances(limits).of_peer())
    serving = asyncio.create_task(calls.run())
    try:
        yield calls, RawCaller(theirs)
    finally:
        ours.close()
        await asyncio.wait_for(serving, 5)


async def asked(node: RawCaller) -> tuple[Any, Any]:
    stream = await node.connection.accept_bi()
    return stream, await read_event(stream)


async def test_our_request_names_its_operation_with_a_slash() -> None:
    async with calling(CallLimits()) as (calls, node):
        call = asyncio.create_task(calls.call("a/b", {"x": 1}, auth_token="t"))
        stream, event = await asked(node)
        assert event["payload"] == {"operationId": "/a/b", "input": {"x": 1}, "auth_token": "t"}
        await node.send({"type": "call.responded", "id": event["id"], "payload": {"output": 5}}, stream=stream)
        assert await call == 5


async def test_an_answer_may_come_by_another_stream() -> None:
    async with calling(CallLimits()) as (calls, node):
        call = asyncio.create_task(calls.call("a/b", None))
        _, event = await asked(node)
        await node.send({"type": "call.responded", "id": event["id"], "payload": {}})
        assert await call is None


@pytest.mark.parametrize("kind", ["call.completed", "call.aborted"])
async def test_a_call_that_the_node_gives_up_fails(kind: str) -> None:
    async with calling(CallLimits()) as (calls, node):
        call = asyncio.create_task(calls.call("a/b", None))
        stream, event = await asked(node)
        await node.send({"type": kind, "id": event["id"], "payload": {}}, stream=stream)
        with pytest.raises(CallError, match="request cancelled"):
            await call


async def test_a_reset_stream_fails_its_call_at_once() -> None:
    async with calling(CallLimits()) as (calls, node):
        call = asyncio.create_task(calls.call("a/b", None, timeout=60))
        stream, _ = await asked(node)
        stream.reset(7)
        with pytest.raises(CallError, match="INTERNAL"):
            await call


async def test_a_closed_connection_fails_every_call_and_tells_why() -> None:
    async with calling(CallLimits()) as (calls, node):
        pending = [asyncio.create_task(calls.call("a/b", n, timeout=60)) for n in range(3)]
        for _ in pending:
            await asked(node)
        node.connection.close(CLOSE_REVOKED, "revoked: peer disabled")
        for call in pending:
            with pytest.raises(CallError) as caught:
                await call
            assert isinstance(caught.value.__cause__, ConnectionClosed)
            assert caught.value.__cause__.reason == "revoked: peer disabled"
        with pytest.raises(CallError):
            await calls.call("a/b", None)


async def test_a_node_that_never_answers_times_the_call_out_and_may_answer_too_late() -> None:
    async with calling(CallLimits()) as (calls, node):
        call = asyncio.create_task(calls.call("a/b", None, timeout=0.05))
        stream, event = await asked(node)
        with pytest.raises(CallError) as caught:
            await call
        assert (caught.value.code, caught.value.retryable) == ("TIMEOUT", True)
        with pytest.raises(StreamError):
            await stream.read()
        _, given_up = await asked(node)
        assert given_up == {"type": "call.aborted", "id": event["id"], "payload": {}}
        await node.send({"type": "call.responded", "id": event["id"], "payload": {}})
        again = asyncio.create_task(calls.call("a/b", None))
        _, event = await asked(node)
        await node.send({"type": "call.responded", "id": event["id"], "payload": {"output": 1}})
        assert await again == 1


async def test_the_node_may_call_back(node: Node) -> None:
    ours, theirs = connection_pair(ALPN)
    dispatcher = Dispatcher(node.registry, lambda *_: None, CallLimits())
    limits, nobody = CallLimits(), AuthContext.anonymous(ALPN)
    sides = [CallConnection(end, nobody, dispatcher, limits, Allowances(limits).of_peer()) for end in (ours, theirs)]
    serving = [asyncio.create_task(side.run()) for side in sides]
    answers = await asyncio.gather(*(side.call("echo/run", n) for n, side in enumerate(sides * 5)))
    assert answers == list(range(10))
    ours.close()
    await asyncio.gather(*serving)


@pytest.mark.parametrize("name", ["", "one", "/a/b", "a//b", "a/"])
def test_a_malformed_name_stops_the_start(name: str) -> None:
    with pytest.raises(RegistrationError):
        OperationRegistry().register(Operation(name, Node.echo))  # type: ignore[arg-type]  # never called


def test_a_name_registered_twice_stops_the_start(node: Node) -> None:
    with pytest.raises(RegistrationError, match="twice"):
        node.registry.register(Operation("echo/run", node.echo))


def over_one_stream(node: Node) -> tuple[Connection, BiStream, Allowance, asyncio.Task[None]]:
    """A connection that has one stream and is being served, the client's end of the stream, and what it may hold."""
    ours, theirs = stream_pair()
    connection, limits = Connection.from_bidi(ours, ALPN), CallLimits()
    allowance = Allowances(limits).of_peer()
    dispatcher = Dispatcher(node.registry, lambda *_: None, limits)
    calls = CallConnection(connection, AuthContext.anonymous(ALPN), dispatcher, limits, allowance)
    return connection, theirs, allowance, asyncio.create_task(calls.run())


async def test_over_one_stream_all_is_answered_before_the_end(node: Node) -> None:
    connection, stream, _, serving = over_one_stream(node)
    caller = RawCaller(connection)
    await caller.request("slow", {"operationId": "slow/run", "input": 1}, stream=stream)
    await caller.request("quick", {"operationId": "echo/run", "input": 2}, stream=stream)
    assert (await read_event(stream))["id"] == "quick"
    stream.finish()
    await asyncio.sleep(0)
    assert not serving.done()
    node.release.set()
    assert [event["id"] for event in await read_events(stream)] == ["slow"]
    await asyncio.wait_for(serving, 5)


async def test_a_close_of_a_connection_of_one_stream_cancels_what_runs(node: Node) -> None:
    connection, stream, allowance, serving = over_one_stream(node)
    await RawCaller(connection).request("1", {"operationId": "slow/run"}, stream=stream)
    await asyncio.sleep(0.01)
    assert allowance.held > 0
    connection.close(CLOSE_REVOKED, "enough")
    await asyncio.wait_for(serving, 5)
    assert (node.cancelled, allowance.held) == (True, 0)
