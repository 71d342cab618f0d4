"""One peer that means harm, or many, in a process of its own on the clients' core, so that its CPU time is its own.

Run as `python -m bench.assailants NAME PORT PIN`. Prints `ready` when it begins, then goes on until it is
killed. Rates are bounded; a connection that the node closes is replaced.
"""

import asyncio
import contextlib
import logging
import os
import random
import socket
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

from aioquic.tls import Epoch

from bench.engine_commands import prepare
from bench.engine_side import ALPN, HOST
from bench.hostile import frame, packed, sealed, stream_frame
from node.core.connection import Connection
from node.core.errors import DialError, StreamError
from node.quic.client.dial import dial_quic
from node.quic.client.outgoing import DialSettings
from node.quic.engine.engine import Engine
from node.quic.limits import QuicLimits

TURN_S = 0.01
DATAGRAMS_PER_S = 5_000
FLOODS_PER_S = 300
"""Datagrams full of frames. Each connection of such a flood is soon closed, and a new one costs a handshake."""

ADDRESSES = 64
"""Of the loopback network, to send from as if they were forged."""

HELLOS = 500
DOWNLOAD = b"d" + (1 << 26).to_bytes(8, "big") + bytes(55)

Assault = Callable[[int, str], Awaitable[None]]


def forged_sockets(port: int) -> list[socket.socket]:
    made = []
    for number in range(ADDRESSES):
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind((f"127.0.1.{number + 1}", 0))
        one.connect((HOST, port))
        one.settimeout(0)
        made.append(one)
    return made


async def pour(port: int, datagrams: Iterator[bytes]) -> None:
    """Send from all addresses in turn; answers are not read."""
    sockets = forged_sockets(port)
    begin()
    while True:
        for _ in range(int(DATAGRAMS_PER_S * TURN_S)):
            # A full buffer loses the datagram, and an error of the one before is none of ours.
            with contextlib.suppress(OSError):
                random.choice(sockets).send(next(datagrams))
        await asyncio.sleep(TURN_S)


def begin() -> None:
    print("ready", flush=True)


async def dialled(port: int, pin: str) -> Connection:
    """As many attempts as it takes: the node may have had enough of us for the moment."""
    while True:
        with contextlib.suppress(DialError):
            return await dial_quic(HOST, port, alpn=ALPN, key=None, pin=pin, timeout=5, limits=QuicLimits())
        await asyncio.sleep(0.1)


async def flood(port: int, pin: str, frames: Callable[[Engine], Iterable[bytes]]) -> None:
    """Datagrams full of these frames on one connection after the other."""
    begin()
    while True:
        connection = await dialled(port, pin)
        source: Any = vars(connection)["_source"]
        link, engine = source._host, source.engine
        while engine.ending is None:
            for payload in list(packed(frames(engine)))[: int(FLOODS_PER_S * TURN_S)]:
                link._owner.send([(sealed(engine, payload), engine.get_peer_address())])
            await asyncio.sleep(TURN_S)


def hello(pin: str) -> Engine:
    """A client's engine that has written its hello."""
    engine = DialSettings(ALPN, None, pin, "alknet", QuicLimits()).make_engine()
    engine.connect((HOST, 1), 0.0)
    return engine


async def initials(port: int, pin: str) -> None:
    """Hellos from forged addresses: whole, and never followed by anything."""
    hellos = [hello(pin).datagrams_to_send(0.0)[0][0] for _ in range(HELLOS)]
    await pour(port, iter(lambda: random.choice(hellos), b""))


async def gaps(port: int, pin: str) -> None:
    """Hellos of which only a byte far behind comes."""
    hellos = [sealed(hello(pin), frame(0x06, 15_000, 1, tail=b"x"), Epoch.INITIAL) for _ in range(HELLOS)]
    await pour(port, iter(lambda: random.choice(hellos), b""))


async def junk(port: int, pin: str) -> None:
    def made() -> Iterator[bytes]:
        while True:
            yield os.urandom(random.randrange(1, 1400))

    await pour(port, made())


async def versions(port: int, pin: str) -> None:
    header = bytes.fromhex("c0 1a2a3a4a 08")
    await pour(port, iter(lambda: (header + os.urandom(8) + b"\x04four").ljust(1200, b"\0"), b""))


async def pings(port: int, pin: str) -> None:
    await flood(port, pin, lambda engine: [frame(0x01)] * 3500)


async def resets(port: int, pin: str) -> None:
    await flood(port, pin, lambda engine: [frame(0x04, 4 * number, 0, 0) for number in range(100)] * 10)


async def pieces(port: int, pin: str) -> None:
    numbers = iter(range(1, 1 << 17))
    await flood(port, pin, lambda engine: [stream_frame(0, 2 * next(numbers, 1)) for _ in range(300)])


async def retirements(port: int, pin: str) -> None:
    await flood(port, pin, lambda engine: [frame(0x19, number) for number in range(1, 25)])


async def migrations(port: int, pin: str) -> None:
    """Packets of one connection, each from another address."""
    connection = await dialled(port, pin)
    engine: Engine = vars(connection)["_source"].engine
    await pour(port, iter(lambda: sealed(engine, frame(0x01)), b""))


async def streams(port: int, pin: str) -> None:
    """Ever new streams of 64 bytes, as fast as they are answered."""
    begin()
    connection = await dialled(port, pin)

    async def one_by_one() -> None:
        while True:
            stream = await connection.open_bi()
            await stream.write(b"r".ljust(64, b"\0"))
            stream.finish()
            await stream.read()

    await asyncio.gather(*(one_by_one() for _ in range(10)))


async def unread(port: int, pin: str) -> None:
    """Twenty connections that ask for much on fifty streams each, and read none of it."""
    begin()
    connections = [await dialled(port, pin) for _ in range(20)]
    for connection in connections:
        for _ in range(50):
            stream = await connection.open_bi()
            await stream.write(DOWNLOAD)
            vars(connection).setdefault("kept", []).append(stream)
    await asyncio.sleep(3600)


async def unfinished(port: int, pin: str) -> None:
    """Twenty connections with a hundred streams each that never end."""
    begin()
    connections = [await dialled(port, pin) for _ in range(20)]
    for connection in connections:
        with contextlib.suppress(StreamError):
            for _ in range(100):
                stream = await connection.open_bi()
                await stream.write(bytes(9_000))
                vars(connection).setdefault("kept", []).append(stream)
    await asyncio.sleep(3600)


ASSAULTS: dict[str, Assault] = {
    assault.__name__: assault
    for assault in (
        initials, gaps, junk, versions, pings, resets, pieces, retirements, migrations, streams, unread, unfinished,
    )
}  # fmt: skip


if __name__ == "__main__":
    prepare(1)
    os.nice(10)
    logging.disable(logging.CRITICAL)
    asyncio.run(ASSAULTS[sys.argv[1]](int(sys.argv[2]), sys.argv[3]))  # type: ignore[arg-type]
