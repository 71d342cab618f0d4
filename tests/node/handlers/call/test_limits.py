"""What honest callers may do at once, and what hostile ones can make us hold, over real QUIC connections."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from node.core.errors import StreamClosed
from node.core.identity import AuthContext
from node.handlers.call.allowance import Allowances
from node.handlers.call.connection import CallConnection
from node.handlers.call.dispatch import Dispatcher
from node.handlers.call.errors import CallError
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import OperationRegistry
from tests.support.bounded import ANN, MIB, Served, connected, joined
from tests.support.quic import ALPN, serving, settled, soon
from tests.support.raw_call import RawCaller, read_event


@pytest.mark.parametrize(("count", "size"), [(100, 100_000), (8, 4 * MIB)])
async def test_many_large_calls_at_once_all_arrive(count: int, size: int) -> None:
    served = Served(CallLimits())
    async with connected(served) as (calls, _):
        asked = (calls.call("size/run", "x" * size, timeout=60) for _ in range(count))
        assert await asyncio.gather(*asked) == [size] * count


async def test_many_large_answers_at_once_all_arrive() -> None:
    async with connected(Served(CallLimits())) as (calls, _):
        asked = (calls.call("echo/run", "x" * 2 * MIB, timeout=60) for _ in range(8))
        assert [len(answer) for answer in await asyncio.gather(*asked)] == [2 * MIB] * 8


async def test_more_calls_than_streams_wait_their_turn_and_leave_none_behind() -> None:
    async with connected(Served(CallLimits())) as (calls, _):
        answers = await asyncio.gather(*(calls.call("echo/run", n, timeout=60) for n in range(500)))
        assert answers == list(range(500))


async def test_a_peer_without_manners_cannot_use_up_the_streams() -> None:
    """Each request's sending half is reset in place of finished; the server must end its own half all the same."""
    async with connected(Served(CallLimits())) as (_, raw):
        for number in range(150):
            stream = await soon(raw.request(str(number), {"operationId": "/echo/run", "input": number}))
            assert (await soon(read_event(stream)))["payload"] == {"output": number}
            stream.reset()


async def test_a_node_that_never_ends_its_streams_does_not_use_up_ours() -> None:
    async with serving() as server:
        client, accepted = await server.pair()
        limits = CallLimits()
        dispatcher = Dispatcher(OperationRegistry(), lambda *_: None, limits)
        calls = CallConnection(client, AuthContext.anonymous(ALPN), dispatcher, limits, Allowances(limits).of_peer())
        running = asyncio.create_task(calls.run())
        node = RawCaller(accepted)
        for number in range(150):
            call = asyncio.create_task(calls.call("a/b", None))
            stream = await soon(accepted.accept_bi())
            event = await soon(read_event(stream))
            answer = {"type": "call.responded", "id": event["id"], "payload": {"output": number}}
            await node.send(answer, stream=stream)
            assert await soon(call) == number
        client.close()
        await soon(running)


async def test_a_call_given_up_while_it_is_sent_leaves_no_half_frame() -> None:
    served = Served(CallLimits())
    async with connected(served) as (calls, _):
        with pytest.raises(CallError, match="TIMEOUT"):
            await calls.call("size/run", "x" * 32 * MIB, timeout=0.05)
        await settled(lambda: served.held == 0)
        assert await calls.call("size/run", "xy") == 2


async def test_a_request_is_held_until_its_answer_and_no_longer() -> None:
    served = Served(CallLimits())
    served.release.clear()
    async with connected(served) as (calls, _):
        call = asyncio.create_task(calls.call("size/run", "x" * MIB))
        await settled(lambda: served.held > MIB)
        served.release.set()
        assert await call == MIB
        await settled(lambda: served.held == 0)


@pytest.mark.parametrize("end", ["finish", "reset"])
async def test_half_a_frame_is_held_no_longer_than_its_stream_lasts(end: str) -> None:
    served = Served(CallLimits())
    async with connected(served) as (_, raw):
        stream = await raw.connection.open_bi()
        await stream.write(b"\0\0\4\0{")
        await settled(lambda: served.held > 0)
        getattr(stream, end)()
        await settled(lambda: served.held == 0)


async def test_strangers_send_smaller_frames_and_share_one_pot() -> None:
    limits = CallLimits(max_frame_strangers=MIB, max_buffered_strangers=MIB)
    served = Served(limits)
    served.release.clear()
    async with connected(served, identity=None) as (stranger, _), joined(served, ANN) as (peer, _):
        with pytest.raises(CallError, match="INTERNAL"):
            await stranger.call("size/run", "x" * 2 * MIB, timeout=60)
        held = asyncio.create_task(stranger.call("size/run", "x" * 900_000))
        await settled(lambda: served.held > 900_000)
        async with joined(served, None) as (other, _):
            with pytest.raises(CallError, match="INTERNAL"):
                await other.call("size/run", "x" * 900_000, timeout=60)
        served.release.set()
        assert await peer.call("size/run", "x" * 2 * MIB) == 2 * MIB
        assert await held == 900_000


async def test_a_caller_that_never_reads_its_answer_is_given_up() -> None:
    served = Served(CallLimits(stall_timeout=0.2))
    async with connected(served) as (_, raw):
        stream = await raw.request("1", {"operationId": "/echo/run", "input": "x" * 3 * MIB})
        await settled(lambda: served.held > MIB)
        await settled(lambda: served.held == 0)
        with pytest.raises(StreamClosed):
            while await soon(stream.read()):
                pass


@pytest.mark.parametrize(("operation", "code"), [("no/such", "NOT_FOUND"), ("node/whoami", "INVALID_INPUT")])
async def test_a_large_input_to_what_anybody_may_call_is_never_parsed(
    operation: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("msgspec.json.decode", _bounded(msgspec.json.decode))
    async with connected(Served(CallLimits()), identity=None) as (calls, _):
        with pytest.raises(CallError, match=code):
            await calls.call(operation, [[] for _ in range(MIB)])


def _bounded(decode: Callable[..., Any]) -> Callable[..., Any]:
    """A decoder that makes no value out of a long text; one that only finds its parts is free to."""

    def bounded(text: Any, type: Any = Any) -> Any:  # noqa: A002 - msgspec's own name
        assert len(text) <= 64 * 1024 or type is not Any
        return decode(text, type=type)

    return bounded


async def test_a_revoked_connection_gives_back_all_that_it_held() -> None:
    served = Served(CallLimits())
    served.release.clear()
    async with connected(served) as (calls, _):
        asked = [asyncio.create_task(calls.call("size/run", "x" * 100_000)) for _ in range(20)]
        await settled(lambda: served.held > MIB)
        for call in asked:
            call.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
