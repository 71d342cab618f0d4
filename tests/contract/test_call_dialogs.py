"""The dialogs of spec call §15 over real QUIC and over one Unix stream, spoken by a raw peer of our own making."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from node.control.stream import UnixStream
from node.core.access import AccessControl
from node.core.connection import BiStream, Connection
from node.core.identity import AuthContext, Identity
from node.handlers.call.allowance import Allowances
from node.handlers.call.connection import CallConnection
from node.handlers.call.discovery import register_discovery
from node.handlers.call.dispatch import Dispatcher
from node.handlers.call.errors import CallError
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import Operation, OperationContext, OperationRegistry, OperationType, Visibility
from tests.support.quic import serving, settled
from tests.support.raw_call import RawPeer

ALPN = b"alknet/test"
TOKENS = {"user": Identity("user", ("user",)), "admin": Identity("boss", ("admin",))}
STREAM = OperationType.SUBSCRIPTION

VECTORS = {
    name: struct.pack(">I", len(body)) + body.encode()
    for name, body in {
        "V1": '{"type":"call.requested","id":"req-1","payload":{"input":{"path":"/etc/hosts"},'
        '"operationId":"/fs/readFile"}}',
        "V2": '{"type":"call.requested","id":"req-2","payload":{"auth_token":"alk_test","forwarded_for":{"id":"alice",'
        '"resources":{},"scopes":["fs:read"]},"input":{},"operationId":"/docker/start"}}',
        "V3": '{"type":"call.responded","id":"req-1","payload":{"output":{"msg":"hi"}}}',
        "V4": '{"type":"call.responded","id":"one","payload":{"output":null}}',
        "V5": '{"type":"call.completed","id":"sub-1","payload":{}}',
        "V6": '{"type":"call.aborted","id":"req-9","payload":{}}',
        "V9": '{"type":"call.error","id":"req-5","payload":{"code":"TIMEOUT","message":"request timed out",'
        '"retryable":true}}',
    }.items()
}


class Node:
    """One call connection with the operations of the dialogs, and what became of them."""

    def __init__(self, identity: Identity | None, limits: CallLimits) -> None:
        self.limits, self.identity, self.release = limits, identity, asyncio.Event()
        self.contexts: list[OperationContext] = []
        self.yielded = self.closed = self.cancelled = 0
        self.registry = OperationRegistry()
        register_discovery(self.registry)
        admin = AccessControl(required_scopes=("admin",))
        for operation in (
            Operation("echo/run", self.echo),
            Operation("admin/run", self.echo, access=admin),
            Operation("secret/op", self.echo, visibility=Visibility.INTERNAL),
            Operation("events/stream", self.count, STREAM),
            Operation("events/none", self.none, STREAM),
            Operation("events/broken", self.broken, STREAM),
            Operation("events/fault", self.fault, STREAM),
            Operation("events/odd", self.odd, STREAM),
            Operation("events/quiet", self.quiet, STREAM),
            Operation("events/endless", self.endless, STREAM),
            Operation("events/admin", self.count, STREAM, access=admin),
            Operation("slow/run", self.slow),
            Operation("back/run", self.back),
            Operation("cancelled/run", self.gives_itself_up),
        ):
            self.registry.register(operation)

    async def serve(self, connection: Connection) -> None:
        dispatcher = Dispatcher(self.registry, lambda auth, token: TOKENS.get(token or "", auth.identity), self.limits)
        self.allowance = Allowances(self.limits).of_peer()
        auth = AuthContext(self.identity, ALPN)
        self.calls = CallConnection(connection, auth, dispatcher, self.limits, self.allowance)
        await self.calls.run()

    async def echo(self, value: Any, context: OperationContext) -> Any:
        self.contexts.append(context)
        return value

    async def count(self, value: Any, context: OperationContext) -> AsyncIterator[Any]:
        self.contexts.append(context)
        for number in range(1, 4):
            yield {"n": number}

    async def none(self, _: Any, __: OperationContext) -> AsyncIterator[Any]:
        for nothing in ():
            yield nothing

    async def broken(self, _: Any, __: OperationContext) -> AsyncIterator[Any]:
        yield 1
        raise CallError("INTERNAL", "boom")

    async def fault(self, _: Any, __: OperationContext) -> AsyncIterator[Any]:
        yield 1
        raise ZeroDivisionError("the secret is 42")

    async def odd(self, _: Any, __: OperationContext) -> AsyncIterator[Any]:
        yield object()

    async def quiet(self, _: Any, __: OperationContext) -> AsyncIterator[Any]:
        try:
            yield "first"
            await asyncio.Event().wait()
        finally:
            self.closed += 1

    async def endless(self, value: Any, _: OperationContext) -> AsyncIterator[Any]:
        try:
            while True:
                self.yielded += 1
                yield "x" * value
                await asyncio.sleep(0)
        finally:
            self.closed += 1

    async def slow(self, value: Any, _: OperationContext) -> Any:
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return value

    async def back(self, value: Any, _: OperationContext) -> Any:
        return {"told": await self.calls.call("ask/me", value)}

    async def gives_itself_up(self, _: Any, __: OperationContext) -> Any:
        raise asyncio.CancelledError

    @property
    def idle(self) -> bool:
        return len(self.calls._inbound) == 0 and self.allowance.held == 0


@contextlib.asynccontextmanager
async def over_quic(node: Node) -> AsyncIterator[RawPeer]:
    async with serving() as server:
        client, accepted = await server.pair()
        running = asyncio.create_task(node.serve(accepted))
        async with RawPeer(client) as peer:
            yield peer
            client.close()
            await running


@contextlib.asynccontextmanager
async def over_unix(node: Node) -> AsyncIterator[RawPeer]:
    ours, theirs = [UnixStream(*await asyncio.open_unix_connection(sock=sock)) for sock in socket.socketpair()]
    connection = Connection.from_bidi(ours, ALPN)
    running = asyncio.create_task(node.serve(connection))
    async with RawPeer(Connection.from_bidi(theirs, ALPN), theirs) as peer:
        yield peer
        connection.close()
        await running
    theirs.reset()


CARRIERS = {"quic": over_quic, "unix": over_unix}
Carrier = Callable[[Node], contextlib.AbstractAsyncContextManager[RawPeer]]


@pytest.fixture
def node(request: pytest.FixtureRequest) -> Node:
    return Node(*getattr(request, "param", (None, CallLimits())))


@pytest.fixture(params=CARRIERS.values(), ids=CARRIERS)
async def peer(request: pytest.FixtureRequest, node: Node) -> AsyncIterator[RawPeer]:
    carrier: Carrier = request.param
    async with asyncio.timeout(30):
        async with carrier(node) as opened:
            yield opened
        assert (len(node.calls._tasks), node.idle, node.calls._pending) == (0, True, {})


async def nothing_more(peer: RawPeer, *request_ids: str) -> None:
    """Whatever was sent before an answer that comes after it would be here."""
    await peer.request("afterwards", "echo/run", 0)
    assert await peer.next("afterwards") == ("call.responded", {"output": 0})
    assert [peer.unread(request_id) for request_id in request_ids] == [0] * len(request_ids)


@pytest.mark.parametrize("operation", ["/echo/run", "echo/run"])
async def test_t1_one_request_has_one_response(peer: RawPeer, operation: str) -> None:
    await peer.request("req-1", operation, {"msg": "hi"})
    assert await peer.next("req-1") == ("call.responded", {"output": {"msg": "hi"}})
    await nothing_more(peer, "req-1")


async def test_t1_only_one_slash_is_taken_off(peer: RawPeer) -> None:
    await peer.request("req-1", "//echo/run")
    assert (await peer.next("req-1"))[1]["code"] == "NOT_FOUND"


async def test_t2_a_subscription_gives_its_items_in_order_and_then_its_end(peer: RawPeer, node: Node) -> None:
    await peer.request("sub-1", "/events/stream", {"n": 1})
    assert [await peer.next("sub-1") for _ in range(4)] == [
        *(("call.responded", {"output": {"n": n}}) for n in (1, 2, 3)),
        ("call.completed", {}),
    ]
    await nothing_more(peer, "sub-1")
    assert node.contexts[0].deadline is None


async def test_t2_no_item_and_an_end_is_a_subscription_too(peer: RawPeer) -> None:
    await peer.request("sub-1", "/events/none")
    assert await peer.next("sub-1") == ("call.completed", {})


@pytest.mark.parametrize(("operation", "message"), [("events/broken", "boom"), ("events/fault", "internal error")])
async def test_t2_an_error_ends_a_subscription(peer: RawPeer, operation: str, message: str) -> None:
    await peer.request("sub-1", operation)
    assert await peer.next("sub-1") == ("call.responded", {"output": 1})
    error = {"code": "INTERNAL", "message": message, "retryable": False}
    assert await peer.next("sub-1") == ("call.error", error)
    await nothing_more(peer, "sub-1")


async def test_t2_an_item_that_is_not_json_ends_it_with_an_error(peer: RawPeer) -> None:
    await peer.request("sub-1", "events/odd")
    assert (await peer.next("sub-1"))[1]["message"] == "the output is not JSON"
    await nothing_more(peer, "sub-1")


async def test_t3_scopes_decide_by_token(peer: RawPeer) -> None:
    for request_id, more, message in (
        ("a", {}, "authentication required"),
        ("b", {"auth_token": "user"}, "missing required scope: admin"),
        ("c", {"auth_token": "nobody's"}, "authentication required"),
    ):
        for operation in ("/admin/run", "/events/admin"):
            await peer.request(request_id, operation, **more)
            error = {"code": "FORBIDDEN", "message": message, "retryable": False}
            assert await peer.next(request_id) == ("call.error", error)
    await peer.request("d", "/admin/run", 1, auth_token="admin")
    assert await peer.next("d") == ("call.responded", {"output": 1})
    await nothing_more(peer, "a", "b", "c", "d")


@pytest.mark.parametrize("node", [(TOKENS["admin"], CallLimits())], indirect=True)
async def test_t3_an_unknown_token_falls_back_to_the_connection(peer: RawPeer) -> None:
    await peer.request("a", "/admin/run", 1, auth_token="nobody's")
    assert await peer.next("a") == ("call.responded", {"output": 1})


async def test_t3_the_hidden_and_the_missing_are_alike(peer: RawPeer) -> None:
    for name in ("secret/op", "no/such/op"):
        await peer.request(name, "/" + name)
        error = {"code": "NOT_FOUND", "message": f"operation not found: {name}", "retryable": False}
        assert await peer.next(name) == ("call.error", error)
    await peer.send("call.requested", "empty", {})
    assert (await peer.next("empty"))[1]["message"] == "operation not found: "


async def test_t4_a_schema_has_its_eight_keys(peer: RawPeer) -> None:
    await peer.request("a", "/services/schema", {"name": "/events/stream"})
    schema = (await peer.next("a"))[1]["output"]
    assert list(schema) == [
        *("name", "namespace", "op_type", "visibility"),
        *("input_schema", "output_schema", "error_schemas", "access_control"),
    ]
    assert schema["op_type"] == "subscription"


async def test_t5_the_list_shows_what_the_caller_may_call(peer: RawPeer) -> None:
    for token, seen in (("nobody's", False), ("admin", True)):
        await peer.request(token, "/services/list", {}, auth_token=token)
        listed = (await peer.next(token))[1]["output"]["operations"]
        names = {entry["name"] for entry in listed}
        assert {"echo/run", "events/stream"} <= names
        assert ("admin/run" in names, "secret/op" in names) == (seen, False)


async def test_t6_an_abort_by_whatever_stream_closes_the_generator(peer: RawPeer, node: Node) -> None:
    await peer.request("sub-9", "/events/quiet")
    assert await peer.next("sub-9") == ("call.responded", {"output": "first"})
    await peer.send("call.aborted", "ghost")
    await peer.send("call.aborted", "sub-9")
    await settled(lambda: node.closed == 1)
    await nothing_more(peer, "sub-9", "ghost")
    assert node.idle


async def test_t6_an_abort_cancels_a_call(peer: RawPeer, node: Node) -> None:
    await peer.request("a", "/slow/run")
    await nothing_more(peer, "a")
    await peer.send("call.aborted", "a")
    await settled(lambda: node.cancelled == 1)
    node.release.set()
    await nothing_more(peer, "a")


async def test_t6_an_abort_ends_a_subscription_that_is_in_full_flow(peer: RawPeer, node: Node) -> None:
    await peer.request("sub-9", "/events/endless", 10)
    for _ in range(100):
        assert (await peer.next("sub-9"))[0] == "call.responded"
    await peer.send("call.aborted", "sub-9")
    await settled(lambda: node.closed == 1 and node.idle)
    await nothing_more(peer)
    events = [await peer.next("sub-9") for _ in range(peer.unread("sub-9"))]
    assert {kind for kind, _ in events} <= {"call.responded"}


async def test_t7_the_callee_calls_back_while_it_serves(peer: RawPeer) -> None:
    await peer.request("s1", "/back/run", 5)
    stream, event = await peer.asked()
    assert event["payload"] == {"operationId": "/ask/me", "input": 5}
    await peer.send("call.responded", event["id"], {"output": "it"}, on=stream)
    assert await peer.next("s1") == ("call.responded", {"output": {"told": "it"}})


async def test_t7_the_ids_of_both_directions_are_independent(peer: RawPeer) -> None:
    await peer.request("outer", "/back/run", 5)
    stream, event = await peer.asked()
    await peer.request(event["id"], "/echo/run", "ours")
    assert await peer.next(event["id"]) == ("call.responded", {"output": "ours"})
    await peer.send("call.responded", event["id"], {"output": "theirs"}, on=stream)
    assert await peer.next("outer") == ("call.responded", {"output": {"told": "theirs"}})


async def test_t8_the_quicker_of_two_on_a_stream_is_answered_first(peer: RawPeer, node: Node) -> None:
    stream = await peer.request("a", "/slow/run", "a")
    await peer.request("b", "/echo/run", "b", on=stream)
    assert await peer.next("b") == ("call.responded", {"output": "b"})
    assert peer.unread("a") == 0
    node.release.set()
    assert await peer.next("a") == ("call.responded", {"output": "a"})


async def test_t9_a_schema_needs_a_name(peer: RawPeer) -> None:
    await peer.request("a", "/services/schema", {})
    error = {"code": "INVALID_INPUT", "message": "missing required field: name", "retryable": False}
    assert await peer.next("a") == ("call.error", error)


async def test_t10_a_claim_is_no_authority(peer: RawPeer, node: Node) -> None:
    claim = {"id": "alice", "scopes": ["admin"], "resources": {}}
    await peer.request("a", "/admin/run", {}, forwarded_for=claim)
    assert (await peer.next("a"))[1]["code"] == "FORBIDDEN"
    for request_id, told in (("b", claim), ("c", {"id": "alice"})):
        await peer.request(request_id, "/echo/run", {}, forwarded_for=told)
        assert (await peer.next(request_id))[0] == "call.responded"
    assert [context.forwarded_for for context in node.contexts] == [Identity("alice", ("admin",)), None]


async def test_a_second_request_with_the_id_of_one_in_flight_is_dropped(peer: RawPeer, node: Node) -> None:
    await peer.request("a", "/slow/run", 1)
    await peer.request("a", "/slow/run", 2)
    await nothing_more(peer, "a")
    node.release.set()
    assert await peer.next("a") == ("call.responded", {"output": 1})
    await nothing_more(peer, "a")
    await peer.request("a", "/slow/run", 3)
    assert await peer.next("a") == ("call.responded", {"output": 3})


@pytest.mark.parametrize("node", [(None, CallLimits(max_subscriptions=2, max_in_flight=1))], indirect=True)
async def test_subscriptions_are_counted_apart_and_hold_up_no_calls(peer: RawPeer, node: Node) -> None:
    for request_id in ("a", "b"):
        await peer.request(request_id, "/events/quiet")
        assert (await peer.next(request_id))[0] == "call.responded"
    await peer.request("c", "/events/quiet")
    assert (await peer.next("c"))[1]["message"] == "2 subscriptions are being served already"
    await nothing_more(peer, "a", "b", "c")
    await peer.send("call.aborted", "a")
    await settled(lambda: node.closed == 1)
    await peer.request("d", "/events/quiet")
    assert (await peer.next("d"))[0] == "call.responded"


async def test_a_lost_connection_closes_every_generator(node: Node) -> None:
    for carrier in CARRIERS.values():
        node.closed = 0
        async with carrier(node) as peer:
            await peer.request("a", "/events/quiet")
            await peer.next("a")
            await peer.request("b", "/events/endless", 10)
            await peer.next("b")
        assert (node.closed, node.idle, len(node.calls._tasks)) == (2, True, 0)


@pytest.mark.parametrize("node", [(None, CallLimits(stall_timeout=0.3))], indirect=True)
async def test_a_subscriber_that_never_reads_is_waited_for_and_then_given_up(node: Node) -> None:
    async with serving() as server:
        client, accepted = await server.pair()
        running = asyncio.create_task(node.serve(accepted))
        stream = await client.open_bi()
        await RawPeer(client, stream).request("a", "/events/endless", 100_000)
        await settled(lambda: node.yielded > 3)
        await settled(lambda: node.closed == 1)
        assert node.yielded < 500
        assert node.idle
        client.close()
        await running


async def test_a_reset_of_its_stream_ends_a_quiet_subscription(node: Node) -> None:
    async with over_quic(node) as peer:
        stream: BiStream = await peer.request("a", "/events/quiet")
        await peer.next("a")
        stream.reset()
        await settled(lambda: node.closed == 1 and node.idle)
        await nothing_more(peer)


async def test_a_handler_that_gives_itself_up_is_answered_for(peer: RawPeer) -> None:
    await peer.request("a", "/cancelled/run")
    assert await peer.next("a") == ("call.error", {"code": "INTERNAL", "message": "internal error", "retryable": False})
    await nothing_more(peer, "a")


async def test_the_vectors_are_taken_cut_at_every_byte_and_merged(peer: RawPeer) -> None:
    stream = await peer.send("call.mystery", "x", {"extra": 1})
    for byte in VECTORS["V1"]:
        await stream.write(bytes([byte]))
    missing = {"code": "NOT_FOUND", "message": "operation not found: fs/readFile", "retryable": False}
    assert await peer.next("req-1") == ("call.error", missing)
    await stream.write(b"".join(VECTORS.values()))
    assert await peer.next("req-1") == ("call.error", missing)
    missing["message"] = "operation not found: docker/start"
    assert await peer.next("req-2") == ("call.error", missing)
    await nothing_more(peer, "req-1", "req-2", "one", "sub-1", "req-9")
