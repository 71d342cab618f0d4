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

MAX_HEAD = 16 * 1024
"""Bytes of an HTTP proxy's answer, up to the empty line."""
_VERSION, _LOGIN_VERSION, _CONNECT = 5, 1, 1
_NO_LOGIN, _LOGIN = 0, 2
_IPV4, _NAME, _IPV6 = 1, 3, 4
_REST = {_IPV4: 4 + 2, _IPV6: 16 + 2}
"""Bytes of an answer after the kind of its address: the address and the port."""
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
            return cls(ProxyKind(scheme), parse_host_port(rest.removesuffix("/")))
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
    method = _LOGIN if login else _NO_LOGIN
    writer.write(bytes((_VERSION, 1, method)))
    await writer.drain()
    if await reader.readexactly(2) != bytes((_VERSION, method)):
        raise ProxyRefused("the proxy does not take us so")
    if login:
        writer.write(_login(login))
        await writer.drain()
        if (await reader.readexactly(2))[1]:
            raise ProxyRefused("the proxy does not know this login")
    writer.write(bytes((_VERSION, _CONNECT, 0)) + _spelled(target))
    await writer.drain()
    version, refused, _, kind = await reader.readexactly(4)
    if version != _VERSION or refused:
        raise ProxyRefused("the proxy does not connect")
    rest = _REST.get(kind)
    if rest is None and kind != _NAME:
        raise ProxyRefused("the proxy's answer is none")
    await reader.readexactly(rest if rest is not None else (await reader.readexactly(1))[0] + 2)


def _login(login: str) -> bytes:
    user, _, password = (part.encode() for part in login.partition(":"))
    if not (1 <= len(user) <= 255 and 1 <= len(password) <= 255):
        raise ProxyRefused("a login is USER:PASSWORD, of at most 255 bytes each")
    return bytes((_LOGIN_VERSION, len(user))) + user + bytes((len(password),)) + password


def _spelled(target: Target) -> bytes:
    address, name = target.literal, target.host.encode()
    if address is None:
        return bytes((_NAME, len(name))) + name + target.port.to_bytes(2)
    return bytes((_IPV4 if address.version == 4 else _IPV6,)) + address.packed + target.port.to_bytes(2)


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
