"""The client's side of a proxy: SOCKS5 with names sent on (RFC 1928, RFC 1929), or CONNECT of HTTP (RFC 9110 §9.3.6).

Names are never looked up here, so that whoever watches the node's lookups learns nothing of where peers go.
"""

import asyncio
import base64
import re
from dataclasses import dataclass
from enum import StrEnum

from node.core.address import AddressFormatError, format_host_port, parse_host_port
from node.core.forwarding.target import Target
from node.core.identity import Address
from node.core.socks5.asking import SocksRefused, ask
from node.core.socks5.wire import Command, Login

MAX_HEAD = 16 * 1024
"""Bytes of an HTTP proxy's answer, up to the empty line."""
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})[ \r]")


class ProxyKind(StrEnum):
    SOCKS5H = "socks5h"
    HTTP = "http"


class ProxyRefused(OSError):
    """The proxy does not connect, or is none. The message never names where to."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where it is, and what it speaks."""

    kind: ProxyKind
    address: Address

    @classmethod
    def parse(cls, text: str) -> "Proxy":
        """Of `socks5h://HOST:PORT` or `http://HOST:PORT`. Raises ValueError."""
        scheme, separator, rest = text.partition("://")
        if not separator or scheme not in set(ProxyKind):
            raise ValueError("a proxy is socks5h://HOST:PORT or http://HOST:PORT")
        if "@" in rest:
            raise ValueError("a proxy's login is a credential, named by proxy_login, and has no place in its address")
        try:
            found = cls(ProxyKind(scheme), parse_host_port(rest.removesuffix("/")))
            Target(*found.address)
            return found
        except AddressFormatError as error:
            raise ValueError(str(error)) from None

    async def connect(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: Target, login: str = ""
    ) -> None:
        """Have the proxy, which these lead to, connect to `target`. `login` is USER:PASSWORD. Raises OSError."""
        talk = _socks5 if self.kind == ProxyKind.SOCKS5H else _http
        try:
            await talk(reader, writer, target, login)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            raise ProxyRefused("the proxy's answer is none") from None


async def _socks5(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: Target, login: str) -> None:
    try:
        await ask(reader, writer, Command.CONNECT, target.host, target.port, _login(login))
    except SocksRefused as refused:
        raise ProxyRefused(f"the proxy does not connect: {refused}") from None
    except ValueError:
        raise ProxyRefused("there is no such host") from None


def _login(login: str) -> Login | None:
    user, _, password = (part.encode() for part in login.partition(":"))
    try:
        return Login(user, password) if login else None
    except ValueError as error:
        raise ProxyRefused(f"a login is USER:PASSWORD: {error}") from None


async def _http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: Target, login: str) -> None:
    where = format_host_port((target.host, target.port))
    head = f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n"
    if login:
        head += f"Proxy-Authorization: Basic {base64.b64encode(login.encode()).decode()}\r\n"
    writer.write(f"{head}\r\n".encode())
    await writer.drain()
    answer = await reader.readuntil(b"\r\n\r\n")
    status = _STATUS.match(answer)
    if status is None or len(answer) > MAX_HEAD:
        raise ProxyRefused("the proxy's answer is none")
    if not status[1].startswith(b"2"):
        raise ProxyRefused("the proxy does not connect")
