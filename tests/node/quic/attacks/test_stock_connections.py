"""What stock aioquic gets wrong with connections, and our engine right: one and the same thing done to both."""

import asyncio
import contextlib
import os
import socket

import pytest
from aioquic._crypto import CryptoError
from aioquic.asyncio.client import connect
from aioquic.quic.crypto import CryptoPair
from aioquic.tls import CipherSuite, Epoch

from node.core.errors import HandshakeError
from node.quic.engine import engine as engine_module
from node.quic.engine.phases import PhasedKeys
from tests.support.attacker import Duel
from tests.support.quic import engine_of, serving, settled, soon
from tests.support.stock import KIB, both, comes
from tests.support.two_engines import PAIRS, stock_configuration, stock_listener

# Stock's writers write an end of their own when they are collected, which fails on a stream that was reset.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


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
