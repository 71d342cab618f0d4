"""Dialling a node by the address that people write: HOST, HOST:PORT, [IPv6]:PORT or a bare IPv6 address."""

import ipaddress
from dataclasses import dataclass

from node.core.connection import Connection
from node.quic.dial import dial_quic
from node.quic.keys import NodeKey
from node.quic.limits import QuicLimits

DEFAULT_PORT = 4433
PINNED_NAME = "alknet"
"""The server name sent to a pinned node, which ignores it."""


class AddressError(ValueError):
    """The text is no address. The message says what was expected."""


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """Where a node listens: a name or an IP address (without brackets), and a UDP port."""

    host: str
    port: int = DEFAULT_PORT

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> NodeAddress:
    """Raises AddressError on anything but the four forms above."""
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        if not closed or not _is_ipv6(host):
            raise AddressError("square brackets hold an IPv6 address, such as [2001:db8::1]:4433")
        return NodeAddress(host, _port(rest))
    if text.count(":") > 1 and _is_ipv6(text):
        return NodeAddress(text)
    host, colon, port = text.partition(":")
    if not host or any(char.isspace() or not char.isprintable() for char in host):
        raise AddressError("an address is HOST, HOST:PORT or [IPv6]:PORT")
    return NodeAddress(host, _port(colon + port))


async def dial(
    address: str,
    alpn: bytes,
    *,
    key: NodeKey | None = None,
    pin: str | None = None,
    timeout: float = 10.0,
    limits: QuicLimits | None = None,
) -> Connection:
    """Connect to the node at `address`; `timeout` in seconds.

    With a `pin` the node must hold exactly that key. Without one it needs a certificate that a CA signed for the name
    in `address`. Raises AddressError and what `node.quic.dial.dial_quic` raises.
    """
    target = parse_address(address)
    return await dial_quic(
        target.host,
        target.port,
        alpn=alpn,
        key=key,
        pin=pin,
        server_name=target.host if pin is None else PINNED_NAME,
        timeout=timeout,
        limits=limits,
    )


def _port(suffix: str) -> int:
    if not suffix:
        return DEFAULT_PORT
    digits = suffix.removeprefix(":")
    if digits == suffix or not (digits.isascii() and digits.isdigit()) or not 0 < int(digits[:6]) < 65_536:
        raise AddressError("a port is a number from 1 to 65535 behind a colon")
    return int(digits)


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
