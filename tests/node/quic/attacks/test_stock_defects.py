"""What stock aioquic 1.7.2 gets wrong and our engine right: one and the same thing done to both.

Where a test fails for `stock`, aioquic has been mended, and something of ours may be given back.
"""

import asyncio
import contextlib
import os
import socket
import time

import pytest
from aioquic._crypto import CryptoError
from aioquic.asyncio.client import connect
from aioquic.quic.connection import QuicConnection
from aioquic.quic.crypto import CryptoPair
from aioquic.tls import CipherSuite, Epoch, SignatureAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec

from bench.hostile import frame, sealed, stream_frame
from node.core.errors import HandshakeError, StreamClosed, StreamError
from node.quic.engine import engine as engine_module
from node.quic.engine.phases import PhasedKeys
from node.quic.tls.credentials import CertificateType, Credential
from node.quic.tls.keys import NodeKey
from tests.support.attacker import Duel
from tests.support.certificates import certificate
from tests.support.quic import LONG, dial_as, engine_of, serving, settled, soon
from tests.support.two_engines import PAIRS, AskingConnection, stock_configuration, stock_listener

KIB = 1024
MIB = 1024 * KIB
PATIENCE = 0.4
"""Seconds after which what should come at once is taken not to come."""

both = pytest.mark.parametrize("side", ["stock", "ours"])
# Stock's writers write an end of their own when they are collected, which fails on a stream that was reset.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


async def comes(awaitable, *, expected):
    """Whether it comes; what it raises counts as coming. What is expected is waited for long."""
    try:
        await asyncio.wait_for(awaitable, LONG if expected else PATIENCE)
    except TimeoutError:
        return False
    except StreamError:
        return True
    return True


# Streams


@both
async def test_a_writer_waits_for_a_reader_that_does_not_read(side):
    most = 0
    async with PAIRS[side]() as pair:
        stream = await pair.client.open()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                for _ in range(16):
                    await stream.write(bytes(MIB))
                    most = max(most, len(pair.client.engine._streams[0].sender._buffer))
    assert (most > 12 * MIB) if side == "stock" else (most <= MIB)


@both
async def test_what_nobody_reads_is_not_taken_in_for_ever(side):
    async with PAIRS[side]() as pair:
        stream = await pair.client.open()
        writing = asyncio.create_task(stream.write(bytes(4 * MIB)))
        far = await soon(pair.server.accept())
        if side == "stock":
            await settled(lambda: far.unread == 4 * MIB)
        else:
            await settled(lambda: len(far._inbox) == 256 * KIB)
            assert not await comes(asyncio.shield(writing), expected=False)
            assert len(far._inbox) == 256 * KIB
        writing.cancel()


@both
async def test_one_byte_just_within_the_limit_does_not_double_it(side):
    async with PAIRS[side](**({"max_data": MIB, "max_stream_data": MIB} if side == "stock" else {})) as pair:
        near = await pair.client.open()
        await near.write(b"x")
        _far, engine = await soon(pair.server.accept()), pair.server.engine
        for _ in range(5):
            stream, offset = engine._streams[0], engine._streams[0].max_stream_data_local - 2
            pair.send(lambda client, offset=offset: sealed(client, stream_frame(0, offset)))
            await settled(lambda stream=stream, offset=offset: stream.receiver.highest_offset > offset)
            await asyncio.sleep(0.01)
        held = len(engine._streams[0].receiver._buffer)
    assert held > 15 * MIB if side == "stock" else held <= 256 * KIB


@both
async def test_no_table_grows_with_finished_streams(side):
    async with PAIRS[side]() as pair:
        for _ in range(50):
            near = await pair.client.open()
            await near.write(b"?")
            near.finish()
            far = await soon(pair.server.accept())
            assert await soon(far.read()) == b"?"
            far.finish()
            assert await soon(near.read()) == b""
        await settled(lambda: not pair.server.engine._streams)
        await asyncio.sleep(0.05)
        assert pair.server.stream_table == (50 if side == "stock" else 0)


@both
async def test_a_reset_wakes_the_reader(side):
    async with PAIRS[side]() as pair:
        near = await pair.client.open()
        await near.write(b"?")
        far = await soon(pair.server.accept())
        assert await soon(far.read()) == b"?"
        pair.send(lambda client: sealed(client, frame(0x04, 0, 7, 1)))
        came = await comes(far.read(), expected=side == "ours")
        assert came is (side == "ours")
        if came:
            with pytest.raises(StreamClosed):
                await far.read()


@both
async def test_a_peer_that_stops_reading_is_told_to_the_writer_as_such(side):
    async with PAIRS[side]() as pair:
        near = await pair.client.open()
        await near.write(b"?")
        far = await soon(pair.server.accept())
        pair.send(lambda client: sealed(client, frame(0x05, 0, 7)))
        await settled(lambda: pair.server.engine._streams[0].sender._reset_error_code is not None)
        with pytest.raises(RuntimeError if side == "stock" else StreamClosed):
            await far.write(b"!")


@both
async def test_a_stream_is_not_finished_by_losing_sight_of_it(side):
    async with PAIRS[side]() as pair:
        near = await pair.client.open()
        await near.write(b"?")
        far = await soon(pair.server.accept())
        assert await soon(far.read()) == b"?"
        del near
        ended = await comes(far.read(), expected=side == "stock")
        assert ended is (side == "stock")


@both
async def test_one_datagram_in_a_burst_is_not_one_transmission(side):
    async with PAIRS[side]() as pair:
        near = await pair.client.open()
        await near.write(b"x")
        _far = await soon(pair.server.accept())
        await asyncio.sleep(0.05)
        engine, passes = pair.server.engine, []
        original = engine.datagrams_to_send
        engine.datagrams_to_send = lambda now: passes.append(now) or original(now)
        for offset in range(40):
            pair.send(lambda client, offset=offset: sealed(client, stream_frame(0, 1 + offset)))
        await settled(lambda: engine._streams[0].receiver.highest_offset == 41)
        await asyncio.sleep(0.01)
        assert len(passes) >= 40 if side == "stock" else len(passes) <= 10


# Connections


@both
async def test_a_server_that_waits_for_a_handshake_that_is_over_goes_on(side):
    if side == "stock":
        async with PAIRS[side]() as pair:
            assert pair.server.engine._handshake_complete
            assert not await comes(pair.server.raw.wait_connected(), expected=False)
    else:
        async with serving() as server:
            client = await server.dial()
            await (await client.open_bi()).write(b"?")
            await asyncio.sleep(0.05)
            assert await comes(server.accepted(), expected=True)


@both
async def test_the_end_of_one_connection_does_not_look_at_the_others(side):
    class Table(dict):
        """Counts the entries of others that were looked at."""

        seen = 0

        def items(self):
            Table.seen += len(self)
            return super().items()

        def values(self):
            Table.seen += len(self)
            return super().values()

        def __iter__(self):
            Table.seen += len(self)
            return super().__iter__()

    async with contextlib.AsyncExitStack() as stack:
        pair = await stack.enter_async_context(PAIRS[side]())
        table = Table(pair.routes)
        table.update({os.urandom(8): object() for _ in range(1000)})
        setattr(pair.listener, "_protocols" if side == "stock" else "_routes", table)
        before = Table.seen
        pair.client.raw.close()
        await settled(lambda: pair.server.engine.host_cid not in table)
        looked_at = Table.seen - before
        for key in [key for key in dict.keys(table) if type(dict.__getitem__(table, key)) is object]:
            del table[key]
    assert looked_at >= 1000 if side == "stock" else looked_at == 0


@both
async def test_a_node_that_forgot_a_connection_says_so(side):
    async with PAIRS[side](idle_timeout=60.0) as pair:
        stream = await pair.client.open()
        await stream.write(b"x")
        await soon(pair.server.accept())
        await asyncio.sleep(0.05)
        if side == "stock":
            pair.listener._protocols.clear()
        else:
            for link in list(pair.listener._hosts):
                link.drop()
        await stream.write(b"anybody there?")
        waiting = pair.client.raw.wait_closed()
        assert await comes(waiting, expected=side == "ours") is (side == "ours")


@both
async def test_keys_are_replaced_before_they_have_protected_too_much(side, monkeypatch):
    monkeypatch.setattr(engine_module, "KEY_UPDATE_PACKETS", 50)
    async with PAIRS[side]() as pair:
        crypto, stream = pair.client.engine._cryptos[Epoch.ONE_RTT], await pair.client.open()
        phases = set()
        await stream.write(b"x")
        far = await soon(pair.server.accept())
        for _ in range(20):
            await stream.write(bytes(16 * KIB))
            await soon(far.read())
            await asyncio.sleep(0.005)
            phases.add(crypto.key_phase)
    assert phases == ({0} if side == "stock" else {0, 1})


@both
def test_a_packet_from_before_a_key_update_is_read_after_it(side):
    """RFC 9001 §6.1. Where only such packets come, nothing is ever read again."""
    sender, receiver = CryptoPair(), CryptoPair() if side == "stock" else PhasedKeys()
    for context in (sender.send, sender.recv, receiver.send, receiver.recv):
        context.setup(cipher_suite=CipherSuite.AES_128_GCM_SHA256, secret=bytes(32), version=1)
    late = sender.encrypt_packet(b"\x40" + bytes(9), bytes(100), 0)
    receiver.update_key()
    receiver.encrypt_packet(b"\x44" + bytes(9), bytes(100), 0)
    with pytest.raises(CryptoError) if side == "stock" else contextlib.nullcontext():
        assert receiver.decrypt_packet(late, 9, 0)[1] == bytes(100)


@both
async def test_an_ipv4_address_is_dialled_over_ipv4(side):
    async with PAIRS[side]() as pair:
        raw = pair.client.raw
        if side == "stock":
            assert raw._transport.get_extra_info("socket").family == socket.AF_INET6
        else:
            assert pair.client.engine.get_peer_address() == ("127.0.0.1", pair.port)


@both
async def test_connections_are_counted(side):
    async with contextlib.AsyncExitStack() as stack:
        if side == "stock":
            listener, port = await stack.enter_async_context(stock_listener())
            for _ in range(5):
                await stack.enter_async_context(
                    connect("127.0.0.1", port, configuration=stock_configuration(is_client=True))
                )
            assert len(set(listener._protocols.values())) == 5
        else:
            server = await stack.enter_async_context(serving(max_connections=2))
            for _ in range(2):
                await server.pair()
            with pytest.raises(HandshakeError):
                await server.dial()


@pytest.mark.parametrize(("side", "expected"), [("stock", (0, 0)), ("stock with retry", (1, 1)), ("ours", (0, 1))])
async def test_addresses_are_proven_when_it_is_called_for(side, expected):
    """The Retry packets of a client that comes while nothing goes on, and of one while handshakes hang."""

    def leave_half_open(port):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for _ in range(3):
                stranger.sendto(Duel().hello, ("127.0.0.1", port))

    async with contextlib.AsyncExitStack() as stack:
        counts = []
        if side == "ours":
            server = await stack.enter_async_context(serving(retry_above=2))
            counts.append(engine_of((await server.pair())[0])._retry_count)
            leave_half_open(server.port)
            await settled(lambda: server.listener._admission.half_open == 2)
            counts.append(engine_of(await server.dial())._retry_count)
        else:
            retry = side == "stock with retry"
            _, port = await stack.enter_async_context(stock_listener(retry=retry))
            for hanging in (False, True):
                if hanging:
                    leave_half_open(port)
                    await asyncio.sleep(0.05)
                async with connect("127.0.0.1", port, configuration=stock_configuration(is_client=True)) as client:
                    counts.append(client._quic._retry_count)
        assert tuple(counts) == expected


# Keys


def lying_client(chain=()):
    configuration = stock_configuration(is_client=True)
    configuration.certificate_chain = list(chain)
    return configuration


@both
async def test_a_chain_of_forty_certificates_is_refused(side):
    private = ec.generate_private_key(ec.SECP256R1())
    leaf = certificate(private)
    if side == "stock":
        accepted = asyncio.Queue()
        async with (
            stock_listener(accepted, AskingConnection) as (_, port),
            connect("127.0.0.1", port, configuration=lying_client([leaf] * 40)),
        ):
            engine = (await soon(accepted.get()))._quic
            await settled(lambda: engine._handshake_complete)
            assert len(engine.tls._peer_certificate_chain) == 40
    else:
        credential = Credential(CertificateType.X509, leaf, SignatureAlgorithm.ECDSA_SECP256R1_SHA256, private)
        async with serving() as server:
            client = await dial_as(server, credential, *[leaf] * 40)
            assert (await soon(client.wait_closed())).code == 0x12A
            assert server.waiting == 0


@both
async def test_a_client_s_key_is_asked_for_in_time(side):
    """Stock's flag can be set once the first datagram is in; by then the server has taken everyone for anonymous."""
    if side == "stock":

        class LateConnection(QuicConnection):
            def receive_datagram(self, data, addr, now):
                super().receive_datagram(data, addr, now)
                if hasattr(self, "tls"):
                    self.tls._request_client_certificate = True

        accepted = asyncio.Queue()
        async with (
            stock_listener(accepted, LateConnection) as (_, port),
            connect("127.0.0.1", port, configuration=lying_client()),
        ):
            engine = (await soon(accepted.get()))._quic
            await settled(lambda: engine._handshake_complete)
            assert engine.tls._peer_certificate is None
    else:
        key = NodeKey.generate()
        async with serving() as server:
            await server.dial(key=key)
            assert (await server.accepted()).fingerprint == key.fingerprint


@both
async def test_a_client_that_comes_back_shows_its_key_again(side):
    """Stock resumes the session, asks for a certificate nonetheless, and breaks off since none comes."""
    if side == "stock":
        tickets, configuration = {}, lying_client()
        options = {
            "session_ticket_fetcher": tickets.pop,
            "session_ticket_handler": lambda ticket: tickets.update({ticket.ticket: ticket}),
        }
        async with stock_listener(None, AskingConnection, **options) as (_, port):
            kept = []
            async with connect(
                "127.0.0.1", port, configuration=configuration, session_ticket_handler=kept.append
            ) as client:
                await client.ping()
            configuration.session_ticket = kept[0]
            async with connect("127.0.0.1", port, configuration=configuration) as client:
                await soon(client.wait_closed())
                assert client._quic._close_event.error_code == 0x10A
    else:
        key = NodeKey.generate()
        async with serving() as server:
            for _ in range(2):
                client = await server.dial(key=key)
                assert (await server.accepted()).fingerprint == key.fingerprint
                assert not engine_of(client).tls.session_resumed


@both
async def test_a_refused_client_learns_of_it_at_once_and_why(side):
    before = time.monotonic()
    if side == "stock":
        configuration = stock_configuration(is_client=True)
        configuration.alpn_protocols = ["alknet/unheard-of"]
        async with stock_listener() as (_, port):
            with pytest.raises(ConnectionError) as caught:
                async with connect("127.0.0.1", port, configuration=configuration):
                    pass
            assert str(caught.value) == ""
            assert time.monotonic() - before > 0.4
    else:
        async with serving() as server:
            with pytest.raises(HandshakeError) as caught:
                await server.dial(alpn=b"alknet/unheard-of")
            assert caught.value.code == 0x178


# What time and the network do


@both
async def test_a_quiet_connection_can_be_kept(side):
    """Stock has no way to, short of a timer of one's own that pings."""
    async with PAIRS[side](idle_timeout=0.8) as pair:
        if side == "ours":
            pair.server.raw.keep_alive(0.1)
        ended = await _ends_within(pair, 1.6)
        assert ended is (side == "stock")


async def _ends_within(pair, seconds):
    try:
        await asyncio.wait_for(pair.client.raw.wait_closed(), seconds)
    except TimeoutError:
        return False
    return True


@both
async def test_a_peer_that_moved_is_told_of(side):
    """The client's packets come from another port, as behind a NAT that forgot it. Stock has no event for it."""
    async with PAIRS[side](through_nat=True) as pair:
        told, before = [], pair.server.engine.get_peer_address()
        if side == "ours":
            pair.server.raw.watch_moves(lambda old, new: told.append((old, new)))
        else:
            pair.server.raw.quic_event_received = told.append
        await pair.nat.rebind()
        near = await pair.client.open()
        await near.write(b"?")
        await settled(lambda: pair.server.engine.get_peer_address() != before)
        await settled(lambda: pair.server.engine._network_paths[0].is_validated)
        await asyncio.sleep(0.05)
        now = pair.server.engine.get_peer_address()
        if side == "ours":
            assert told == [(before, now)]
        else:
            assert told
            assert not [event for event in told if str(now[1]) in repr(event)]


@both
async def test_datagrams_grow_to_what_the_path_takes(side):
    async with PAIRS[side]() as pair:
        near = await pair.client.open()
        for _ in range(20):
            await near.write(bytes(16 * KIB))
            await asyncio.sleep(0.01)
        size = pair.client.engine._max_datagram_size
    assert size == 1200 if side == "stock" else size > 1500


@both
async def test_no_datagram_blocks_those_behind_it(side):
    """Stock keeps one that fits no packet at the head of its queue for ever. Ours offers none, and takes none."""
    async with PAIRS[side](**({"max_datagram_frame_size": 65_536} if side == "stock" else {})) as pair:
        engine = pair.client.engine
        if side == "stock":
            engine.send_datagram_frame(bytes(1300))
            engine.send_datagram_frame(b"small")
            pair.client.raw.transmit()
            await asyncio.sleep(0.1)
            assert [len(data) for data in engine._datagrams_pending] == [1300, 5]
        else:
            assert engine.configuration.max_datagram_frame_size is None
            assert not hasattr(pair.client.raw, "send_datagram")
