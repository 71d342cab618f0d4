"""The client's side of UDP ASSOCIATE (RFC 1928 §4, §6, §7): what somebody else's SOCKS5 proxy is asked for.

Nothing is tried in its place where that fails. With a login only the login is offered, so that a proxy cannot talk us
out of it.
"""

import asyncio
import contextlib
from dataclasses import dataclass

from node.client.socks5.wire import LOGIN_VERSION, VERSION, Command, Kind, Login, Method, Reply, read_host
from node.core.address import format_host_port
from node.core.errors import DialError
from node.core.identity import Address

_LENGTHS = {Kind.IPV4: 4, Kind.IPV6: 16}
_UNSPECIFIED = ("0.0.0.0", "::")  # noqa: S104 - what a proxy says that means its own address
_WHY = {
    2: "its rules forbid it",
    3: "it has no network",
    4: "the host is unreachable",
    Reply.REFUSED: "the connection was refused",
    Reply.COMMAND_UNKNOWN: "it knows no UDP",
    Reply.ADDRESS_UNKNOWN: "it knows no such address",
}


@dataclass(frozen=True, slots=True)
class Proxy:
    """A SOCKS5 proxy, and what it is shown."""

    address: Address
    login: Login | None = None


class ProxyError(DialError):
    """The proxy cannot be reached, or does not do what it was asked for."""


class Association:
    """A place at the proxy that relays datagrams as long as this TCP connection lasts. Made by `associate`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, relay: Address) -> None:
        self._reader = reader
        self._writer = writer
        self.relay = relay
        """Where datagrams are to be sent."""

    async def wait_closed(self) -> None:
        """Wait until the proxy has ended it."""
        with contextlib.suppress(OSError):
            while await self._reader.read(4096):
                pass

    def close(self) -> None:
        """Harmless when repeated."""
        self._writer.transport.abort()


async def associate(proxy: Proxy, timeout: float) -> Association:
    """Have the proxy relay datagrams of ours. `timeout` is in seconds. Raises ProxyError."""
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection(*proxy.address)
            try:
                relay = await _ask(reader, writer, proxy.login)
            except BaseException:
                writer.transport.abort()
                raise
    except TimeoutError:
        raise _error(proxy, "it does not answer in time") from None
    except EOFError:
        raise _error(proxy, "it ended the connection") from None
    except _Refused as refused:
        raise _error(proxy, str(refused)) from None
    except OSError as error:
        raise _error(proxy, error.strerror or "it cannot be reached") from None
    host = writer.get_extra_info("peername")[0] if relay[0] in _UNSPECIFIED else relay[0]
    return Association(reader, writer, (host, relay[1]))


class _Refused(Exception):
    pass


def _error(proxy: Proxy, why: str) -> ProxyError:
    return ProxyError(f"the proxy {format_host_port(proxy.address)}: {why}")


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, login: Login | None) -> Address:
    method = Method.NONE if login is None else Method.LOGIN
    writer.write(bytes((VERSION, 1, method)))
    version, chosen = await reader.readexactly(2)
    if version != VERSION:
        raise _Refused("it does not speak SOCKS5")
    if chosen != method:
        raise _Refused("it wants a login" if login is None else "it takes no login by user and password")
    if login is not None:
        writer.write(login.message)
        version, status = await reader.readexactly(2)
        if version != LOGIN_VERSION or status:
            raise _Refused("it does not take this login")
    writer.write(bytes((VERSION, Command.UDP_ASSOCIATE, 0, Kind.IPV4)) + bytes(6))
    return await _read_reply(reader)


async def _read_reply(reader: asyncio.StreamReader) -> Address:
    version, code, _, kind = await reader.readexactly(4)
    if version != VERSION or kind not in set(Kind):
        raise _Refused("it does not speak SOCKS5")
    if code != Reply.SUCCEEDED:
        raise _Refused(f"it relays no datagrams: {_WHY.get(code, 'it failed')}")
    length = _LENGTHS[Kind(kind)] if kind != Kind.NAME else (await reader.readexactly(1))[0]
    host = read_host(kind, await reader.readexactly(length))
    port = int.from_bytes(await reader.readexactly(2))
    if host is None or not port:
        raise _Refused("it names no address for datagrams")
    return host, port
