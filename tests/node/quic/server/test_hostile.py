"""Peers that mean harm: sparse frames, floods of junk, too many connections (RFC 9000 §21)."""

import socket

import pytest
from aioquic.quic.packet import QuicPacketType, QuicProtocolVersion
from aioquic.quic.packet_builder import QuicPacketBuilder
from aioquic.quic.rangeset import RangeSet
from aioquic.tls import Epoch
from hypothesis import given, settings
from hypothesis import strategies as st

from node.core.errors import HandshakeError, StreamClosed
from node.quic.tls.levels import MAX_CLIENT_MESSAGE
from tests.support.quic import engine_of, serving, settled, socket_of, soon

KIB = 1024
FLOW_CONTROL_ERROR = 0x3
CONNECTION_REFUSED = 0x2


def skip_to(engine, stream_id, offset):
    """Have the next byte written to a stream carry this offset, with nothing sent before it."""
    sender = engine._streams[stream_id].sender
    sender._buffer.clear()
    sender._pending = RangeSet()
    sender._buffer_start = sender._buffer_stop = offset
    engine._remote_max_data_used += offset - sender.highest_offset
    sender.highest_offset = offset
    sender.on_data_delivery = lambda *_: None


async def sparse(client, engine, stream_id, offset):
    skip_to(engine, stream_id, offset)
    engine.send_stream_data(stream_id, b"y")
    client._source.flush_soon()


async def test_sparse_frames_are_held_to_the_window():
    """One byte just under the limit, over and over: the engine alone would double the limit each time."""
    window = 64 * KIB
    async with serving(stream_window=window, connection_window=4 * window) as server:
        client, accepted = await server.pair()
        stream = await client.open_bi()
        await stream.write(b"x")
        await soon(accepted.accept_bi())
        engine, far = engine_of(client), engine_of(accepted)
        for _ in range(8):
            granted = engine._streams[0].max_stream_data_remote
            await sparse(client, engine, 0, granted - 2)
            await settled(lambda granted=granted: far._streams[0].receiver.highest_offset >= granted - 1)
            probe = await client.open_bi()
            await probe.write(b"?")
            await soon(accepted.accept_bi())
        assert engine._streams[0].max_stream_data_remote == window
        assert far._streams[0].max_stream_data_local == window
        assert 0 < len(far._streams[0].receiver._buffer) <= window


async def test_what_all_streams_hold_together_is_held_to_the_connection_s_window():
    async with serving(stream_window=64 * KIB, connection_window=128 * KIB) as server:
        client, accepted = await server.pair()
        engine = engine_of(client)
        engine._remote_max_data = 1 << 40
        streams = [await client.open_bi() for _ in range(4)]
        for stream in streams:
            await sparse(client, engine, stream.stream_id, 60 * KIB)
        closed = await soon(accepted.wait_closed())
        assert closed.code == FLOW_CONTROL_ERROR
        assert (await soon(client.wait_closed())).code == FLOW_CONTROL_ERROR


async def test_gaps_of_a_stream_that_was_reset_give_their_window_back():
    async with serving(stream_window=64 * KIB, connection_window=128 * KIB) as server:
        client, accepted = await server.pair()
        engine = engine_of(client)
        for _ in range(6):
            stream = await client.open_bi()
            await sparse(client, engine, stream.stream_id, 60 * KIB)
            await settled(lambda stream=stream: stream.stream_id in engine_of(accepted)._streams)
            stream.reset()
            far = await soon(accepted.accept_bi())
            with pytest.raises(StreamClosed):
                await soon(far.read())
        near = await client.open_bi()
        await near.write(bytes(100 * KIB))
        assert len(await soon((await soon(accepted.accept_bi())).read_exactly(100 * KIB))) == 100 * KIB


async def test_more_streams_than_allowed_end_the_connection():
    async with serving(max_streams=3) as server:
        client, accepted = await server.pair()
        engine = engine_of(client)
        engine._remote_max_streams_bidi = 100
        stream_id = [engine.open() for _ in range(5)][-1]
        engine.send_stream_data(stream_id, b"x")
        client._source.flush_soon()
        assert (await soon(accepted.wait_closed())).code == 0x4


FRAMES = st.tuples(
    st.one_of(st.integers(0, 0x1F), st.sampled_from([0x30, 0x31]), st.integers(0, (1 << 62) - 1)),
    st.lists(st.one_of(st.integers(0, 70), st.integers(0, (1 << 62) - 1)), max_size=7),
    st.binary(max_size=40),
)


def packet(engine, number, frame):
    """A packet under the connection's own keys, so that its frames are taken for the peer's."""
    builder = QuicPacketBuilder(
        host_cid=engine.host_cid,
        peer_cid=engine._peer_cid.cid,
        version=engine._version,
        is_client=True,
        max_datagram_size=1200,
        packet_number=number,
    )
    builder.start_packet(QuicPacketType.ONE_RTT, engine._cryptos[Epoch.ONE_RTT])
    kind, numbers, tail = frame
    buffer = builder.start_frame(kind, capacity=1)
    for value in numbers:
        buffer.push_uint_var(value)
    buffer.push_bytes(tail)
    return builder.flush()[0][0]


@settings(max_examples=40, deadline=None)
@given(st.lists(FRAMES, min_size=1, max_size=5))
async def test_no_frame_of_one_peer_harms_another(frames):
    async with serving() as server:
        bad, _ = await server.pair()
        good, accepted = await server.pair()
        engine, own = engine_of(bad), socket_of(bad)
        for number, frame in enumerate(frames):
            own._udp.send(packet(engine, engine._packet_number + number, frame), own._udp.peer)
        stream = await good.open_bi()
        await stream.write(b"?")
        assert await soon((await soon(accepted.accept_bi())).read()) == b"?"


async def test_junk_of_every_length_is_ignored_and_leaves_nothing():
    async with serving() as server:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as junk:
            junk.connect((server.host, server.port))
            for length in (1, 2, 5, 6, 7, 8, 9, 21, 100, 1199, 1200, 1500):
                for first in (0x00, 0x40, 0x80, 0xC0, 0xFF):
                    junk.send(bytes([first]) + b"\0\0\0\1" + bytes([8]) * (length - 1))
                    junk.send(bytes([first]) + bytes(range(256)) * 6)
            junk.send(b"")
            await server.pair()
        assert len(server.links) == 1
        assert set(server.listener._routes.values()) == set(server.links)


async def test_an_initial_that_cannot_be_decrypted_costs_no_memory():
    """The header is right, the payload is noise."""
    async with serving() as server:
        header = bytes.fromhex("c3 00000001 08 1122334455667788 08 8877665544332211 00 44a0")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as junk:
            for _ in range(20):
                junk.sendto(header + bytes(1400 - len(header)), (server.host, server.port))
        await server.pair()
        assert len(server.links) == 1
        assert server.listener._admission.total == 1


async def test_an_unknown_version_is_answered_with_ours_and_a_short_one_is_not():
    async with serving() as server:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0)
            client.connect((server.host, server.port))
            hello = bytes.fromhex("c0 1a2a3a4a 08 1122334455667788 04 88776655")
            client.send(hello.ljust(200, b"\0"))
            client.send(hello.ljust(1200, b"\0"))
            await server.pair()
            answer = client.recv(2000)
            with pytest.raises(BlockingIOError):
                client.recv(2000)
        assert answer[0] & 0x80
        assert answer[1:] == bytes.fromhex("00000000 04 88776655 08 1122334455667788 00000001 6b3343cf")
        assert QuicProtocolVersion.VERSION_1 == 1
        assert len(server.links) == 1


async def test_one_address_gets_no_more_than_its_share_and_gets_it_back():
    async with serving(max_connections_per_address=2) as server:
        first, _ = await server.pair()
        await server.pair()
        with pytest.raises(HandshakeError) as caught:
            await server.dial()
        assert caught.value.code == CONNECTION_REFUSED
        first.close()
        await settled(lambda: server.listener._admission.by_origin["127.0.0.1"] == 1)
        await server.pair()


async def test_all_addresses_together_get_no_more_than_the_whole():
    async with serving(max_connections=1) as server:
        await server.pair()
        with pytest.raises(HandshakeError) as caught:
            await server.dial()
        assert caught.value.code == CONNECTION_REFUSED
        assert len(server.links) == 1


async def test_an_endless_handshake_message_is_cut_off():
    """The engine alone would gather up to 16 MiB for one message."""
    async with serving() as server:
        client = await server.dial()
        accepted = await server.accepted()
        engine = engine_of(client)
        stream = engine._crypto_streams[Epoch.ONE_RTT]
        stream.sender.write(b"\x04\xff\xff\xff" + bytes(2 * MAX_CLIENT_MESSAGE))
        client._source.flush_soon()
        closed = await soon(accepted.connection.wait_closed())
        assert closed.code == 0x132
        assert closed.reason == "handshake message too long"
