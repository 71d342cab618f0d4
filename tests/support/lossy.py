"""A UDP proxy on loopback that loses, repeats, reorders, damages, delays and re-addresses datagrams."""

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
    """Delivered behind the next datagram of the same direction, or alone where none comes for `LATEST`."""
    CORRUPT = "corrupt"
    """Delivered with one bit turned."""


LATEST = 0.05
"""Seconds for which a datagram is held: a network that reorders does not keep one until somebody speaks again."""

ETHERNET = 1472
"""Bytes of a datagram on a path of 1 500, over IPv4."""

Judge = Callable[[bool], Fate]


class Side(asyncio.DatagramProtocol):
    """One of the proxy's two sockets."""

    def __init__(self, on_datagram: Callable[[bytes, Address], None]) -> None:
        self._on_datagram = on_datagram

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._on_datagram(data, addr[:2])


class LossyProxy:
    """Forwards one client to one server. `judge(to_server)` decides about each datagram.

    `watch(to_server, datagram)` sees each one that comes in, `delivered(to_server, datagram)` each one that goes out.
    `delay` is in seconds, each way. Datagrams longer than `largest` vanish, as on a path with such an MTU, and are not
    judged. Which bits are damaged follows from `seed`.
    """

    def __init__(self, server: Address, seed: int = 0) -> None:
        self._server = server
        self._local = "::1" if ":" in server[0] else "127.0.0.1"
        self._client: Address | None = None
        self._held: dict[bool, list[bytes]] = {True: [], False: []}
        self._chance = random.Random(seed)
        self.judge: Judge = lambda _: Fate.DELIVER
        self.watch: Callable[[bool, bytes], None] = lambda *_: None
        self.delivered: Callable[[bool, bytes], None] = lambda *_: None
        self.delay = 0.0
        self.largest = 65_535
        self.lost = 0
        self.damaged = 0
        self.too_long = 0

    async def open(self) -> None:
        self._front = await self._socket(self._from_client, self._local)
        self._back = await self._socket(self._from_server, self._local)

    async def rebind(self, host: str | None = None) -> Address:
        """Show the client at another address to the server, as a NAT does that forgot it; the new address."""
        old, self._back = self._back, await self._socket(self._from_server, host or self._local)
        old.close()
        return self._back.get_extra_info("sockname")[:2]

    @property
    def address(self) -> Address:
        return self._front.get_extra_info("sockname")[:2]

    def close(self) -> None:
        self._front.close()
        self._back.close()

    async def _socket(self, on_datagram: Callable[[bytes, Address], None], host: str) -> asyncio.DatagramTransport:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: Side(on_datagram), local_addr=(host, 0))
        return transport

    def _from_client(self, data: bytes, client: Address) -> None:
        self._client = client
        self._pass(data, to_server=True)

    def _from_server(self, data: bytes, _: Address) -> None:
        self._pass(data, to_server=False)

    def _pass(self, data: bytes, *, to_server: bool) -> None:
        self.watch(to_server, data)
        if len(data) > self.largest:
            self.too_long += 1
            return
        fate = self.judge(to_server)
        if fate is Fate.DROP:
            self.lost += 1
        elif fate is Fate.HOLD:
            self._held[to_server].append(data)
            asyncio.get_running_loop().call_later(LATEST, self._let_go, to_server)
        else:
            late, self._held[to_server] = self._held[to_server], []
            if fate is Fate.CORRUPT:
                data = self._damage(data)
            for one in (data, data, *late) if fate is Fate.REPEAT else (data, *late):
                self._send_late(one, to_server)

    def _let_go(self, to_server: bool) -> None:
        late, self._held[to_server] = self._held[to_server], []
        for one in late:
            self._send_late(one, to_server)

    def _damage(self, data: bytes) -> bytes:
        self.damaged += 1
        position, bit = self._chance.randrange(len(data)), self._chance.randrange(8)
        return data[:position] + bytes([data[position] ^ 1 << bit]) + data[position + 1 :]

    def _send_late(self, data: bytes, to_server: bool) -> None:
        if self.delay:
            asyncio.get_running_loop().call_later(self.delay, self._send, data, to_server)
        else:
            self._send(data, to_server)

    def _send(self, data: bytes, to_server: bool) -> None:
        side = self._back if to_server else self._front
        target = self._server if to_server else self._client
        if target is not None and not side.is_closing():
            self.delivered(to_server, data)
            side.sendto(data, target)


@contextlib.asynccontextmanager
async def lossy(server: Address, seed: int = 0, largest: int = 65_535) -> AsyncIterator[LossyProxy]:
    proxy = LossyProxy(server, seed)
    proxy.largest = largest
    await proxy.open()
    try:
        yield proxy
    finally:
        proxy.close()


def bad_weather(seed: int) -> Judge:
    """A tenth lost, a tenth repeated, a fifth out of order; the same for the same seed."""
    chance = random.Random(seed)
    fates = [Fate.DROP, Fate.REPEAT, Fate.HOLD, Fate.HOLD, *[Fate.DELIVER] * 6]
    return lambda _: chance.choice(fates)


def now_and_then(fate: Fate, share: float, seed: int) -> Judge:
    """This fate for this share of the datagrams, at random; the same for the same seed."""
    chance = random.Random(seed)
    return lambda _: fate if chance.random() < share else Fate.DELIVER
