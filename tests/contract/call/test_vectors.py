"""The frame vectors V1 to V10 and the rules for readers of spec call §15, over real connections, by a raw peer."""

import asyncio

import pytest

from node.core.errors import StreamClosed
from node.core.identity import Identity
from node.handlers.call.errors import CallError
from node.handlers.call.limits import CallLimits
from tests.support.call_dialogs import FINGERPRINT, DialogNode, nothing_more, over_quic
from tests.support.call_vectors import EVENTS, VECTORS, WIRE
from tests.support.raw_call import RawPeer, frame, read_events

NO_FILE = {"code": "FILE_NOT_FOUND", "message": "file not found: /etc/hosts", "retryable": False}
NO_HOSTS = ("call.error", NO_FILE | {"details": {"path": "/etc/hosts"}})
ASKED_BY = {
    "V3": ("/echo/run", {"msg": "hi"}),
    "V4": ("/echo/run", None),
    "V5": ("/events/none", {}),
    "V7": ("/fs/missing", {}),
    "V8": ("/fs/readFile", {"path": "/etc/x"}),
    "V10": ("/admin/run", {}),
}


@pytest.mark.parametrize("name", VECTORS)
def test_the_prefix_of_a_vector_is_the_length_of_its_body(name: str) -> None:
    prefix, body = VECTORS[name]
    assert int(prefix, 16) == len(body.encode())


async def test_v1_and_v2_are_read_as_requests(peer: RawPeer, node: DialogNode) -> None:
    stream = await peer.send("call.mystery", "x")
    await stream.write(WIRE["V1"] + WIRE["V2"])
    assert await peer.next("req-1") == NO_HOSTS
    assert await peer.next("req-2") == ("call.responded", {"output": {}})
    [context] = node.contexts
    assert context.identity == Identity("alk_test", ("alk_test",))
    assert context.forwarded_for == Identity("alice", ("fs:read",))


@pytest.mark.parametrize("name", ASKED_BY)
async def test_v3_to_v10_are_what_the_node_answers(peer: RawPeer, name: str) -> None:
    event = EVENTS[name]
    await peer.request(event["id"], *ASKED_BY[name])
    assert await peer.next(event["id"]) == (event["type"], event["payload"])
    await nothing_more(peer, event["id"])


@pytest.mark.parametrize("node", [(CallLimits(request_timeout=0.05),)], indirect=True)
async def test_v9_is_what_the_node_answers_after_its_time(peer: RawPeer, node: DialogNode) -> None:
    await peer.request("req-5", "/slow/run")
    assert await peer.next("req-5") == ("call.error", EVENTS["V9"]["payload"])
    assert node.cancelled == 1


async def test_v6_is_what_the_node_says_when_it_gives_up(peer: RawPeer, node: DialogNode) -> None:
    call = asyncio.create_task(node.calls.call("far/run"))
    _, request = await peer.asked()
    call.cancel()
    assert await peer.next(request["id"]) == ("call.aborted", EVENTS["V6"]["payload"])


@pytest.mark.parametrize("name", ["V7", "V8", "V9", "V10"])
async def test_v7_to_v10_are_read_as_errors(peer: RawPeer, node: DialogNode, name: str) -> None:
    call = asyncio.create_task(node.calls.call("far/run"))
    stream, request = await peer.asked()
    told = EVENTS[name]["payload"]
    await peer.send("call.error", request["id"], told, on=stream)
    with pytest.raises(CallError) as caught:
        await call
    error = caught.value
    assert (error.code, error.message, error.retryable) == (told["code"], told["message"], told["retryable"])
    assert (error.details or None) == told.get("details")


@pytest.mark.parametrize(("name", "output"), [("V3", {"msg": "hi"}), ("V4", None)])
async def test_v3_and_v4_are_read_as_outputs(peer: RawPeer, node: DialogNode, name: str, output: object) -> None:
    call = asyncio.create_task(node.calls.call("far/run"))
    stream, request = await peer.asked()
    await peer.send("call.responded", request["id"], EVENTS[name]["payload"], on=stream)
    assert await call == output


@pytest.mark.parametrize("name", ["V5", "V6"])
async def test_v5_and_v6_end_a_subscription(peer: RawPeer, node: DialogNode, name: str) -> None:
    items = node.calls.subscribe("far/items")
    first = asyncio.ensure_future(anext(items, "the end"))
    stream, request = await peer.asked()
    if request["payload"]["operationId"] == "/services/schema":  # one stream: what has one answer has no other end
        await peer.send("call.responded", request["id"], {"output": {"op_type": "subscription"}}, on=stream)
        stream, request = await peer.asked()
    await peer.send(EVENTS[name]["type"], request["id"], EVENTS[name]["payload"], on=stream)
    assert await first == "the end"


async def test_reader_takes_vectors_cut_at_every_byte_and_merged(peer: RawPeer) -> None:
    stream = await peer.send("call.mystery", "x")
    for byte in WIRE["V1"]:
        await stream.write(bytes([byte]))
        await asyncio.sleep(0)
    assert await peer.next("req-1") == NO_HOSTS
    await stream.write(b"".join(WIRE.values()))
    assert await peer.next("req-1") == NO_HOSTS
    assert await peer.next("req-2") == ("call.responded", {"output": {}})
    await nothing_more(peer, *(event["id"] for event in EVENTS.values()))


async def test_reader_takes_frames_cut_in_two_anywhere(peer: RawPeer) -> None:
    whole = frame(EVENTS["V1"] | {"payload": {"operationId": "/echo/run", "input": 1}})
    stream = await peer.send("call.mystery", "x")
    for cut in range(1, len(whole)):
        await stream.write(whole[:cut])
        await asyncio.sleep(0)
        await stream.write(whole[cut:])
        assert await peer.next("req-1") == ("call.responded", {"output": 1})


async def test_reader_of_v1_cut_short_anywhere_has_no_frame(node: DialogNode) -> None:
    async with over_quic(node) as peer:
        for cut in range(len(WIRE["V1"])):
            stream = await peer.open()
            await stream.write(WIRE["V1"][:cut])
            stream.finish()
            assert await read_events(stream) == []
        await nothing_more(peer, "req-1")
        assert node.idle


@pytest.mark.parametrize(
    "sent",
    [
        bytes.fromhex("00000000"),
        bytes.fromhex("04000001"),
        bytes.fromhex("ffffffff"),
        b'\x00\x00\x00\x15{"type":"x","id":"1"}',
        b"\x00\x00\x00\x02hi",
    ],
)
async def test_reader_gives_a_stream_up_that_has_no_frame_and_no_other(node: DialogNode, sent: bytes) -> None:
    async with over_quic(node) as peer:
        stream = await peer.open()
        await stream.write(sent)
        with pytest.raises(StreamClosed):
            await stream.read()
        await nothing_more(peer)


@pytest.mark.parametrize("node", [(None, FINGERPRINT)], indirect=True)
async def test_reader_waits_for_the_body_of_the_largest_frame(node: DialogNode) -> None:
    """The frame itself is in the tests of the reader; strangers may send less (docs/hardening.md)."""
    async with over_quic(node) as peer:
        stream = await peer.open()
        await stream.write(bytes.fromhex("04000000") + b"{")
        stream.finish()
        assert await read_events(stream) == []
        await nothing_more(peer)
        assert node.idle


async def test_reader_ignores_what_it_does_not_know(peer: RawPeer) -> None:
    event = {"type": "call.mystery", "id": "1", "payload": {}, "extra": 1}
    stream = await peer.send("call.mystery", "0")
    await stream.write(frame(event))
    await peer.request("a", "/echo/run", 1, on=stream)
    assert await peer.next("a") == ("call.responded", {"output": 1})
    await nothing_more(peer, "1")
