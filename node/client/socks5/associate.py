"""The client's side of UDP ASSOCIATE (RFC 1928 §4, §6, §7): what somebody else's SOCKS5 proxy is asked for.

Nothing is tried in its place where that fails.
"""

import asyncio
import contextlib
from dataclasses import dataclass

from node.client.system_words import system_words
from node.core.address import format_host_port
from node.core.errors import DialError
from node.core.identity import Address
from node.core.socks5.asking import Bound, RequestRefused, SocksRefused, ask
from node.core.socks5.wire import Command, Login, Reply

_UNSPECIFIED = ("0.0.0.0", "::")  # noqa: S104 - what a proxy says that means its own address
_WHY: dict[int, str] = {
    Reply.FORBIDDEN: "its rules forbid it",
    Reply.NETWORK_UNREACHABLE: "it has no network",
    Reply.HOST_UNREACHABLE: "the host is unreachable",
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
                bound = await ask(reader, writer, Command.UDP_ASSOCIATE, "0.0.0.0", 0, proxy.login)  # noqa: S104 - any
                return Association(reader, writer, _relay(writer, bound))
            except BaseException:
                writer.transport.abort()
                raise
    except TimeoutError:
        raise _error(proxy, "it does not answer in time") from None
    except EOFError:
        raise _error(proxy, "it ended the connection") from None
    except RequestRefused as refused:
        raise _error(proxy, f"it relays no datagrams: {_WHY.get(refused.code, 'it failed')}") from None
    except SocksRefused as refused:
        raise _error(proxy, str(refused)) from None
    except OSError as error:
        raise _error(proxy, system_words(error) or "it cannot be reached") from None
    except UnicodeError:
        raise _error(proxy, "that is no name of a host") from None


def _error(proxy: Proxy, why: str) -> ProxyError:
    return ProxyError(f"the proxy {format_host_port(proxy.address)}: {why}")


def _relay(writer: asyncio.StreamWriter, bound: Bound) -> Address:
    """Where datagrams go: what the proxy names, or its own address where it means that."""
    host, port = bound
    if host is None or not port:
        raise SocksRefused("it names no address for datagrams")
    return writer.get_extra_info("peername")[0] if host in _UNSPECIFIED else host, port
