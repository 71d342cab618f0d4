"""The socket itself: what the kernel grants, and datagrams that are never fragmented."""

import asyncio
import socket
import sys

import pytest

from node.quic.udp import options
from node.quic.udp.socket import UdpSocket, resolve
from tests.support.quic import engine_of, read_all, serving, soon


@pytest.fixture(params=["127.0.0.1", "::1"])
def host(request):
    return request.param


async def test_the_granted_buffers_are_told(host):
    udp = UdpSocket.bound((await resolve(host, 0))[0])
    try:
        for granted in (udp.receive_buffer, udp.send_buffer):
            assert 0 < granted <= options.BUFFER
    finally:
        udp.close()


@pytest.mark.skipif(sys.platform != "linux", reason="reads the option back by Linux's numbers")
async def test_no_datagram_is_ever_fragmented(host):
    udp = UdpSocket.bound((await resolve(host, 0))[0])
    try:
        level, option = (socket.IPPROTO_IPV6, 23) if ":" in host else (socket.IPPROTO_IP, 10)
        assert udp.keeps_whole
        assert udp._socket.getsockopt(level, option) == 3
    finally:
        udp.close()


async def transfer(client, accepted, size=600_000):
    async def send():
        stream = await client.open_bi()
        await stream.write(bytes(size))
        stream.finish()

    async def receive():
        return await read_all(await accepted.accept_bi())

    _, received = await soon(asyncio.gather(send(), receive()))
    assert len(received) == size


async def test_the_size_is_found_over_real_sockets(host):
    async with serving(host) as server:
        client, accepted = await server.pair()
        await transfer(client, accepted)
        assert engine_of(client).datagram_size == 16_380
        await transfer(accepted, client)
        assert engine_of(accepted).datagram_size == 16_380


async def test_what_comes_and_goes_is_counted(host):
    async with serving(host) as server:
        client, accepted = await server.pair()
        before = server.listener.snapshot()
        await transfer(client, accepted)
        middle = server.listener.snapshot()
        await transfer(accepted, client)
        after = server.listener.snapshot()
    assert 600_000 < middle["bytes_in"] - before["bytes_in"] < 1_200_000
    assert 0 < middle["datagrams_in"] - before["datagrams_in"] < 1_000
    assert 600_000 < after["bytes_out"] - middle["bytes_out"] < 1_200_000
    assert 0 < after["datagrams_out"] - middle["datagrams_out"] < 1_000


async def test_where_fragments_cannot_be_forbidden_no_size_is_tried(monkeypatch):
    monkeypatch.setattr(options, "_UNFRAGMENTED", {})
    async with serving() as server:
        client, accepted = await server.pair()
        await transfer(client, accepted)
        assert engine_of(client).datagram_size == 1200
