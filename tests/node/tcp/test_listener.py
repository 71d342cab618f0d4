"""The TCP listener's bounds, and its end."""

import asyncio
import socket

from node.core.connection import Connection
from node.tcp.listener import TcpListener
from tests.support.quic import settled, soon


async def test_so_many_connections_and_no_more_until_one_has_ended() -> None:
    accepted: list[Connection] = []
    listener = await TcpListener.bind("127.0.0.1", 0, b"test", most=2, most_of_address=2)
    listener.start(lambda connection, *_, **__: accepted.append(connection))
    ends = [await asyncio.open_connection(*listener.address) for _ in range(2)]
    await settled(lambda: len(accepted) == 2)
    reader, writer = await asyncio.open_connection(*listener.address)
    try:
        assert await soon(reader.read()) == b""
    except ConnectionResetError:
        pass
    assert listener.snapshot() == {"connections": 2, "refused": 1}
    writer.close()
    accepted[0].close()
    await settled(lambda: listener.snapshot()["connections"] == 1)
    ends[1][1].close()
    stream = await accepted[1].accept_bi()
    assert await soon(stream.read()) == b""
    accepted[1].close()
    await settled(lambda: listener.snapshot()["connections"] == 0)
    ends += [await asyncio.open_connection(*listener.address)]
    await settled(lambda: len(accepted) == 3)
    await listener.close()
    assert listener.snapshot()["connections"] == 0
    for _, one in ends:
        one.close()


async def test_who_has_vanished_is_found_out() -> None:
    accepted: list[Connection] = []
    listener = await TcpListener.bind("127.0.0.1", 0, b"test", most=2, most_of_address=2)
    listener.start(lambda connection, *_, **__: accepted.append(connection))
    _, writer = await asyncio.open_connection(*listener.address)
    await settled(lambda: accepted)
    wire = (await accepted[0].accept_bi())._writer.get_extra_info("socket")  # type: ignore[attr-defined]
    assert wire.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
    writer.close()
    await listener.close()
