"""A UDP proxy on loopback that loses, repeats and reorders datagrams."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from enum import Enum
from typing import Any

from node.core.identity import Address


class Fate(Enum):
    DELIVER = "deliver"
    DROP = "drop"
    REPEAT = "repeat"
    HOLD = "hold"
    """Delivered behind the next datagram of the same direction."""


class Side(asyncio.DatagramProtocol):
    """One of the proxy's two sockets."""

    def __init__(self, on_datagram: Callable[[bytes, Address], None]) -> None:
        self._on_datagram = on_datagram

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._on_datagram(data, addr)


class LossyProxy:
    """Forwards one client to one server. `judge(to_server)` decides about each datagram."""

    def __init__(self, server: Address) -> None:
        self._server = server
        self._client: Address | None = None
        self._held: dict[bool, list[bytes]] = {True: [], False: []}
        self.judge: Callable[[bool], Fate] = lambda _: Fate.DELIVER
        self.lost = 0

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        local = ("127.0.0.1", 0)
        self._front, _ = await loop.create_datagram_endpoint(lambda: Side(self._from_client), local_addr=local)
        self._back, _ = await loop.create_datagram_endpoint(lambda: Side(self._from_server), local_addr=local)

    @property
    def address(self) -> Address:
        return self._front.get_extra_info("sockname")

    def close(self) -> None:
        self._front.close()
        self._back.close()

    def _from_client(self, data: bytes, client: Address) -> None:
        self._client = client
        self._pass(data, to_server=True)

    def _from_server(self, data: bytes, _: Address) -> None:
        self._pass(data, to_server=False)

    def _pass(self, data: bytes, *, to_server: bool) -> None:
        fate = self.judge(to_server)
        if fate is Fate.DROP:
            self.lost += 1
        elif fate is Fate.HOLD:
            self._held[to_server].append(data)
        else:
            late, self._held[to_server] = self._held[to_server], []
            for one in (data, data, *late) if fate is Fate.REPEAT else (data, *late):
                self._send(one, to_server)

    def _send(self, data: bytes, to_server: bool) -> None:
        if to_server:
            self._back.sendto(data, self._server)
        elif self._client is not None:
            self._front.sendto(data, self._client)


@contextlib.asynccontextmanager
async def lossy(server: Address) -> AsyncIterator[LossyProxy]:
    proxy = LossyProxy(server)
    await proxy.open()
    try:
        yield proxy
    finally:
        proxy.close()


def bad_weather(seed: int) -> Callable[[bool], Fate]:
    """A tenth lost, a tenth repeated, a fifth out of order; the same for the same seed."""
    chance = random.Random(seed)
    fates = [Fate.DROP, Fate.REPEAT, Fate.HOLD, Fate.HOLD, *[Fate.DELIVER] * 6]
    return lambda _: chance.choice(fates)
