"""HOST:PORT as text: how it is read, and how it is written back; and what counts as one address."""

import re
import socket

from node.core.identity import Address

_HOST_PORT = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|(?P<host>[^\s:\[\]/@]{1,253}))(?::(?P<port>[0-9]{1,5}))?"
)
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - recognised here, bound nowhere
_MAPPED = bytes(10) + b"\xff\xff"
"""How an IPv6 address begins that stands for an IPv4 address (RFC 4291 §2.5.5.2)."""


class AddressFormatError(ValueError):
    """The text is not HOST:PORT. The message says what was expected."""


def parse_host_port(text: str, default_port: int | None = None) -> Address:
    """Host and port of "127.0.0.1:4433", "example.org:4433" or "[::1]:4433". Raises AddressFormatError.

    With a default port, the host alone will do.
    """
    match = _HOST_PORT.fullmatch(text.strip())
    port = match and (match["port"] or default_port)
    if match is None or port is None:
        raise AddressFormatError("expected HOST:PORT, such as 127.0.0.1:4433 or [::1]:4433")
    if int(port) > 65_535:
        raise AddressFormatError("a port is a number from 0 to 65535")
    return match["v6"] or match["host"], int(port)


def format_host_port(address: Address) -> str:
    """The text of an address; an IPv6 host gets its brackets."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def reachable(address: Address) -> Address:
    """Where a local client reaches what listens on `address`: a wildcard becomes the loopback of its family."""
    host, port = address
    return _WILDCARDS.get(host, host), port


def origin_of(host: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 that an IPv6 address is in, for one host owns that.

    An IPv4 address is the same in its IPv6 spelling. A text that is no address counts for itself.
    """
    if ":" not in host:
        return host
    try:
        packed = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
    except (OSError, ValueError):
        return host
    if packed.startswith(_MAPPED):
        return socket.inet_ntop(socket.AF_INET, packed[12:])
    return socket.inet_ntop(socket.AF_INET6, packed[:8] + bytes(8)) + "/64"
