"""Peers that come and go in every way there is, at bounded rates, for the soak.

Run as `python -m bench.churn PORT PIN`. Goes on until a line comes in; then it ends what is under way, in whatever way
each peer has, and prints how often each was done, and how often it failed against its will.
"""

import asyncio
import contextlib
import json
import logging
import os
import random
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from bench.assailants import hello
from bench.engine_commands import commands, prepare
from bench.engine_side import ALPN, HOST
from bench.engine_workload import download, request, upload
from node.core.connection import BiStream, Connection
from node.core.errors import DialError, StreamError
from node.core.identity import Address
from node.quic.client.dial import dial_quic

Peer = Callable[[int, str], Awaitable[None]]

TRANSFER = 256 * 1024
LIFE_S = 60.0
"""After which whatever a peer does is broken off."""


class Opener:
    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def open(self) -> BiStream:
        return await self.connection.open_bi()


async def dialled(port: int, pin: str) -> Opener:
    return Opener(await dial_quic(HOST, port, alpn=ALPN, key=None, pin=pin))


def vanish(opener: Opener) -> None:
    """As when the power fails: not a word, and nothing is answered any more."""
    source: Any = vars(opener.connection)["_source"]
    source._host.drop()


async def ask(port: int, pin: str) -> None:
    opener = await dialled(port, pin)
    await request(opener, 5, 2)
    opener.connection.close()


async def transfer(port: int, pin: str) -> None:
    opener = await dialled(port, pin)
    await upload(opener, TRANSFER)
    await download(opener, TRANSFER)
    opener.connection.close(7, "done")


async def vanish_idle(port: int, pin: str) -> None:
    opener = await dialled(port, pin)
    await request(opener, 1)
    vanish(opener)


async def vanish_in_a_transfer(port: int, pin: str) -> None:
    opener = await dialled(port, pin)
    asking = asyncio.create_task(download(opener, 2 * TRANSFER))
    await asyncio.sleep(random.uniform(0.002, 0.02))
    vanish(opener)
    await asyncio.wait([asking])
    with contextlib.suppress(StreamError, AssertionError):
        asking.result()


async def reset(port: int, pin: str) -> None:
    opener = await dialled(port, pin)
    for _ in range(20):
        stream = await opener.open()
        await stream.write(b"u".ljust(64, b"\0"))
        stream.reset(random.randrange(100))
    opener.connection.close()


async def leave_half_open(port: int, pin: str) -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=(HOST, port))
    for data, _ in hello(pin).datagrams_to_send(0.0):
        transport.sendto(data)
    transport.close()


async def throw_junk(port: int, pin: str) -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=(HOST, port))
    for _ in range(20):
        transport.sendto(os.urandom(random.randrange(1, 1400)))
    transport.close()


async def migrate(port: int, pin: str) -> None:
    nat = Nat((HOST, port))
    await nat.start()
    try:
        opener = await dialled(nat.port, pin)
        for _ in range(3):
            await request(opener, 2)
            await nat.rebind()
        await request(opener, 2)
        opener.connection.close()
        await asyncio.sleep(0.1)
    finally:
        nat.close()


class _Side(asyncio.DatagramProtocol):
    def __init__(self, take: Callable[[bytes, Any], None]) -> None:
        self._take = take

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._take(data, addr)


class Nat:
    """Carries one client's datagrams, from a new address whenever it is told so."""

    def __init__(self, server: Address) -> None:
        self._server = server
        self._client: Any = None
        self._front: Any = None
        self._back: Any = None

    @property
    def port(self) -> int:
        return int(self._front.get_extra_info("sockname")[1])

    async def start(self) -> None:
        self._front = await self._socket(self._from_client)
        self._back = await self._socket(self._from_server)

    async def rebind(self) -> None:
        self._back.close()
        self._back = await self._socket(self._from_server)

    def close(self) -> None:
        self._front.close()
        self._back.close()

    async def _socket(self, take: Callable[[bytes, Any], None]) -> Any:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Side(take), local_addr=(HOST, 0))
        return transport

    def _from_client(self, data: bytes, address: Any) -> None:
        self._client = address
        self._back.sendto(data, self._server)

    def _from_server(self, data: bytes, address: Any) -> None:
        self._front.sendto(data, self._client)


PER_SECOND: dict[Peer, float] = {
    ask: 4.0,
    transfer: 1.0,
    vanish_idle: 1.0,
    vanish_in_a_transfer: 0.5,
    reset: 1.0,
    leave_half_open: 1.0,
    throw_junk: 1.0,
    migrate: 0.5,
}


class Churn:
    def __init__(self, port: int, pin: str) -> None:
        self.done: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self._port = port
        self._pin = pin
        self._tasks: set[asyncio.Task[None]] = set()

    async def go_on(self, peer: Peer, rate: float) -> None:
        # At an even pace, so that what is held varies little.
        await asyncio.sleep(random.uniform(0, 1 / rate))
        while True:
            await asyncio.sleep(1 / rate)
            task = asyncio.create_task(self._live(peer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _live(self, peer: Peer) -> None:
        name = getattr(peer, "__name__", "peer")
        try:
            async with asyncio.timeout(LIFE_S):
                await peer(self._port, self._pin)
        except (DialError, StreamError, AssertionError, TimeoutError) as error:
            self.failed[f"{name}: {type(error).__name__}"] += 1
        else:
            self.done[name] += 1


async def main(port: int, pin: str) -> None:
    churn = Churn(port, pin)
    print("ready", flush=True)
    going = [asyncio.create_task(churn.go_on(peer, rate)) for peer, rate in PER_SECOND.items()]
    async for _ in commands():
        break
    for task in going:
        task.cancel()
    await churn.finish()
    print(json.dumps({"done": churn.done, "failed": churn.failed}), flush=True)


if __name__ == "__main__":
    prepare(1)
    logging.disable(logging.CRITICAL)
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
