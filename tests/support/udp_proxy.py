"""A SOCKS5 proxy that relays datagrams (RFC 1928 §7), resolves every name to the loopback, and can do as it is told."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from node.client.socks5.associate import Proxy
from node.core.identity import Address
from node.core.socks5.wire import Login, read_host

LENGTHS = {1: 4, 4: 16}


class _Relay(asyncio.DatagramProtocol):
    """One association: what comes from the client goes on, everything else goes back to it in an envelope."""

    def __init__(self, proxy: "UdpProxy") -> None:
        self._proxy = proxy
        self._client: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        if self._client in (None, address):
            self._client = address
            kind = data[3]
            start, length = (5, data[4]) if kind == 3 else (4, LENGTHS[kind])
            host, end = read_host(kind, data[start : start + length]), start + length
            port = int.from_bytes(data[end : end + 2])
            self._proxy.asked.add((str(host), port))
            self._transport.sendto(data[end + 2 :], ("127.0.0.1", port))
        else:
            self._transport.sendto(self._proxy.noise, self._client)
            self._transport.sendto(bytes.fromhex("00000001 7f000001") + address[1].to_bytes(2) + data, self._client)


class UdpProxy:
    """`asked` is where datagrams were to go. `says` replaces its first words."""

    def __init__(self, login: Login | None, says: bytes | None) -> None:
        self.asked: set[Address] = set()
        self.noise = bytes.fromhex("00000101")
        self._login = login
        self._says = says
        self.held: list[asyncio.StreamWriter] = []
        self._relays: list[Any] = []

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.proxy = Proxy(self._server.sockets[0].getsockname(), self._login)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.held.append(writer)
        with contextlib.suppress(OSError, EOFError):
            if self._says is not None:
                writer.write(self._says)
                writer.write_eof()
            else:
                await self._associate(reader, writer)
            await reader.read(-1)
        writer.close()

    async def _associate(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method = 0 if self._login is None else 2
        assert await reader.readexactly(3) == bytes((5, 1, method))
        writer.write(bytes((5, method)))
        if self._login is not None:
            assert await reader.readexactly(len(self._login.message)) == self._login.message
            writer.write(bytes((1, 0)))
        assert await reader.readexactly(10) == bytes.fromhex("05030001000000000000")
        loop = asyncio.get_running_loop()
        relay, _ = await loop.create_datagram_endpoint(lambda: _Relay(self), local_addr=("127.0.0.1", 0))
        self._relays.append(relay)
        writer.write(bytes.fromhex("05000001 00000000") + relay.get_extra_info("sockname")[1].to_bytes(2))

    def end(self) -> None:
        for writer in self.held:
            writer.transport.abort()
        for relay in self._relays:
            relay.close()


@contextlib.asynccontextmanager
async def udp_proxy(login: Login | None = None, says: bytes | None = None) -> AsyncIterator[UdpProxy]:
    proxy = UdpProxy(login, says)
    await proxy.start()
    try:
        yield proxy
    finally:
        proxy.end()
        proxy._server.close()
        await asyncio.sleep(0)  # its sockets close in a turn of the loop of their own
