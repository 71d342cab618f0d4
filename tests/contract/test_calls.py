"""Calls are the same whatever carries them: one suite over a stream of QUIC, of a Unix socket, and of memory."""

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from node.control.stream import UnixStream
from node.core.access import AccessControl
from node.core.connection import BiStream, Connection
from node.core.errors import StreamError
from node.core.identity import AuthContext, Identity
from node.handlers.call.allowance import Allowances
from node.handlers.call.connection import CallConnection
from node.handlers.call.dispatch import Dispatcher
from node.handlers.call.errors import CallError, DeclaredError
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import Operation, OperationContext, OperationRegistry, OperationType, Visibility
from node.quic.client.dial import dial_quic
from node.quic.server.listener import QuicListener
from node.quic.tls.keys import load_or_create_node_key
from tests.support.raw_call import RawCaller, read_event, read_events
from tests.support.streams import stream_pair

ALPN = b"test/calls"
ANN = Identity("ann", ("a",))
LARGE = 5 * 1024 * 1024


class Served:
    """What can be called, and the serving of one connection after another."""

    def __init__(self, limits: CallLimits) -> None:
        self.limits, self.registry, self.release = limits, OperationRegistry(), asyncio.Event()
        for operation in (
            Operation("echo/run", self.echo),
            Operation("large/run", self.large),
            Operation("slow/run", self.slow, OperationType.MUTATION),
            Operation("mine/run", self.echo, access=AccessControl(required_scopes=("a",))),
            Operation("theirs/run", self.echo, access=AccessControl(required_scopes=("b",))),
            Operation("secret/run", self.echo, visibility=Visibility.INTERNAL),
            Operation("broken/run", self.broken),
            Operation("declared/run", self.declared, error_schemas=(DeclaredError("OF_ITS_OWN", "not today"),)),
            Operation("small/run", self.echo, max_input=100),
        ):
            self.registry.register(operation)
        self.allowance = Allowances(limits).of_peer()

    async def echo(self, value: Any, _: OperationContext) -> Any:
        return value

    async def large(self, _: Any, __: OperationContext) -> str:
        return "x" * LARGE

    async def slow(self, value: Any, _: OperationContext) -> Any:
        await self.release.wait()
        return value

    async def broken(self, _: Any, __: OperationContext) -> Any:
        raise ZeroDivisionError("the secret is 42")

    async def declared(self, value: Any, _: OperationContext) -> Any:
        raise CallError("OF_ITS_OWN", "not today", details=value)

    async def serve(self, connection: Connection) -> None:
        dispatcher = Dispatcher(self.registry, lambda auth, _: auth.identity, self.limits)
        await CallConnection(connection, AuthContext(ANN, ALPN), dispatcher, self.limits, self.allowance).run()


@contextlib.asynccontextmanager
async def memory(served: Served, _: Path) -> AsyncIterator[BiStream]:
    ours, theirs = stream_pair()
    serving = asyncio.create_task(served.serve(Connection.from_bidi(ours, ALPN)))
    yield theirs
    theirs.reset()
    await serving


@contextlib.asynccontextmanager
async def unix(served: Served, _: Path) -> AsyncIterator[BiStream]:
    ours, theirs = [UnixStream(*await asyncio.open_unix_connection(sock=sock)) for sock in socket.socketpair()]
    serving = asyncio.create_task(served.serve(Connection.from_bidi(ours, ALPN)))
    yield theirs
    theirs.reset()
    await serving
    await ours.close(0)


@contextlib.asynccontextmanager
async def quic(served: Served, folder: Path) -> AsyncIterator[BiStream]:
    key = load_or_create_node_key(folder / "key.pem")
    listener = await QuicListener.bind("127.0.0.1", 0, key=key, alpns=[ALPN])
    accepted: asyncio.Queue[Connection] = asyncio.Queue()
    listener.start(lambda connection, *_, **__: accepted.put_nowait(connection))
    client = await dial_quic(*listener.address, alpn=ALPN, key=None, pin=key.fingerprint)
    serving = asyncio.create_task(served.serve(await accepted.get()))
    try:
        yield await client.open_bi()
    finally:
        client.close()
        await serving
        await listener.close()


CARRIERS = {"memory": memory, "unix": unix, "quic": quic}


@pytest.fixture
def served(request: pytest.FixtureRequest) -> Served:
    return Served(getattr(request, "param", CallLimits()))


@pytest.fixture(params=CARRIERS.values(), ids=CARRIERS)
async def stream(request: pytest.FixtureRequest, served: Served, tmp_path: Path) -> AsyncIterator[BiStream]:
    carrier: Callable[[Served, Path], contextlib.AbstractAsyncContextManager[BiStream]] = request.param
    async with asyncio.timeout(60), carrier(served, tmp_path) as opened:
        yield opened


async def ask(stream: BiStream, operation: str, value: Any = None, request_id: str = "1") -> None:
    body = {"operationId": operation, "input": value}
    await RawCaller(Connection.from_bidi(stream, ALPN)).request(request_id, body, stream=stream)


async def test_a_question_has_one_answer_and_then_the_stream_ends(stream: BiStream) -> None:
    await ask(stream, "/echo/run", {"a": [1, "é", None]})
    stream.finish()
    answer = {"type": "call.responded", "id": "1", "payload": {"output": {"a": [1, "é", None]}}}
    assert await read_events(stream) == [answer]


@pytest.mark.parametrize(
    ("operation", "value", "code"),
    [
        ("no/such", 1, "NOT_FOUND"),
        ("secret/run", 1, "NOT_FOUND"),
        ("theirs/run", 1, "FORBIDDEN"),
        ("small/run", "x" * 100, "INVALID_INPUT"),
        ("broken/run", 1, "INTERNAL"),
        ("declared/run", {"why": 1}, "OF_ITS_OWN"),
    ],
)
async def test_what_cannot_be_done_is_an_error_with_a_code(
    stream: BiStream, operation: str, value: Any, code: str
) -> None:
    await ask(stream, operation, value)
    await ask(stream, "mine/run", "after it", "2")
    error, after = await read_event(stream), await read_event(stream)
    if error["id"] == "2":
        error, after = after, error
    assert (error["type"], error["payload"]["code"]) == ("call.error", code)
    assert "42" not in json.dumps(error)
    assert after["payload"] == {"output": "after it"}


async def test_a_slow_answer_holds_up_no_other(stream: BiStream, served: Served) -> None:
    await ask(stream, "slow/run", "late", "slow")
    for number in range(20):
        await ask(stream, "echo/run", number, str(number))
    quick = [await read_event(stream) for _ in range(20)]
    assert sorted(int(event["id"]) for event in quick) == list(range(20))
    stream.finish()
    served.release.set()
    assert [event["payload"] for event in await read_events(stream)] == [{"output": "late"}]


async def test_large_questions_and_answers_arrive_whole(stream: BiStream) -> None:
    await ask(stream, "echo/run", "y" * LARGE)
    assert (await read_event(stream))["payload"]["output"] == "y" * LARGE
    await ask(stream, "large/run")
    assert len((await read_event(stream))["payload"]["output"]) == LARGE


@pytest.mark.parametrize("served", [CallLimits(stall_timeout=0.3)], indirect=True)
async def test_a_reader_that_stalls_is_given_up_and_nothing_is_held(stream: BiStream, served: Served) -> None:
    await ask(stream, "large/run", "z" * 1000)
    while served.allowance.held == 0:
        await asyncio.sleep(0.001)
    while served.allowance.held > 0:
        await asyncio.sleep(0.01)
    with pytest.raises((StreamError, EOFError)):
        await stream.read_exactly(LARGE)


@pytest.mark.parametrize("sent", [struct.pack(">I", 0), struct.pack(">I", 2**31), struct.pack(">I", 3) + b"{]}"])
async def test_what_is_no_frame_ends_the_stream(stream: BiStream, served: Served, sent: bytes) -> None:
    await stream.write(sent)
    with contextlib.suppress(StreamError):
        assert await stream.read() == b""
    assert served.allowance.held == 0
