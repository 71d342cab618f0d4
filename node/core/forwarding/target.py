"""What a peer asks to be connected with, or where it asks to listen, each in one spelling only.

A rule that names a host must not be dodged by writing the host in another way: letters are made small, the dot at the
end goes, and whatever only a resolver would make into a plain name is refused.
"""

import ipaddress
import re
from dataclasses import dataclass, field

from node.core.text import printable

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

RESERVED = "alknet-"
"""How the names begin that are never dialled: they stand for what the node itself offers (spec handlers §2)."""
MAX_HOST = 253
"""Longest name of a host, in characters (RFC 1035 §2.3.4)."""
MAX_PORT = 65_535
MAX_ADDRESSES = 64
"""Addresses of one name. One that has more is not connected to: all of them would have to be judged."""
MAX_SOCKET_PATH = 107
"""Longest path of a Unix socket, in bytes: Linux has room for 108 with the zero at the end (unix(7))."""
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?")
_PATH = re.compile(r"(?:/[^/:\[\]\x00-\x1f\x7f]+)+")
_NAT64, _6TO4 = 0x64FF9B << 64, 0x2002
"""How the addresses of IPv6 begin that carry one of IPv4: their first 96 bits (RFC 6052 §2.1), or 16 (RFC 3056 §2)."""
_SHOWN = 80
"""Characters of what was refused that its error shows."""


class InvalidTarget(ValueError):
    """This is nothing that could be connected with. The message says what is wrong, with the target in it."""


@dataclass(frozen=True, slots=True)
class Target:
    """A host, by name or by IP address, and a TCP port. `host` is normalised when it is made. Raises InvalidTarget.

    An empty host is every address of the node, for whoever asks to listen (RFC 4254 §7.1); port 0 is any free one.
    """

    host: str
    port: int
    literal: IpAddress | None = field(init=False, repr=False, compare=False)
    """The address, where the host is one and no name."""
    reserved: bool = field(init=False, repr=False, compare=False)
    """Whether the name stands for something of the node's own. It is never looked up, and never dialled."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "host", normal_host(self.host))
        object.__setattr__(self, "literal", read_address(self.host))
        object.__setattr__(self, "reserved", self.host.startswith(RESERVED))
        if not 0 <= self.port <= MAX_PORT:
            raise InvalidTarget(f"a port is a number from 0 to {MAX_PORT}, not {self.port}")

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UnixTarget:
    """A Unix socket by its absolute path, spelled plainly: no `.`, no `..`, no empty part. Raises InvalidTarget.

    A colon and brackets are refused, so that the path is one field of a scope. Symbolic links are the caller's matter.
    """

    path: str

    def __post_init__(self) -> None:
        if len(self.path.encode(errors="replace")) > MAX_SOCKET_PATH:
            raise InvalidTarget(f"the path of a socket has at most {MAX_SOCKET_PATH} bytes")
        if _PATH.fullmatch(self.path) is None or {".", ".."} & set(self.path.split("/")):
            raise InvalidTarget(f"{_shown(self.path)} is no plain absolute path of a socket")

    def __str__(self) -> str:
        return self.path


AnyTarget = Target | UnixTarget


def normal_host(text: str) -> str:
    """The one spelling of a host: an address as `ipaddress` writes it, a name in small letters. Raises InvalidTarget.

    An IPv4 address in its IPv6 spelling becomes the IPv4 address, and the zone of an IPv6 address goes.
    """
    if not text:
        return ""
    address = read_address(text)
    if address is not None:
        return str(address)
    host = text.lower().removesuffix(".")
    if not text.isascii() or len(host) > MAX_HOST or _HOST.fullmatch(host) is None or ".." in host:
        raise InvalidTarget(f"{_shown(text)} is neither the name of a host nor an address")
    return host


def read_address(text: str) -> IpAddress | None:
    """The IP address that this text is, as it is compared: IPv4 where it is mapped into IPv6, and without a zone."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def carried_ipv4(address: IpAddress) -> ipaddress.IPv4Address | None:
    """The IPv4 address to which a gateway or a tunnel may take what is sent to this one; None where there is none."""
    if address.version == 4:
        return None
    number = int(address)
    if number >> 112 == _6TO4:
        return ipaddress.IPv4Address(number >> 80 & 0xFFFFFFFF)
    is_compatible = 1 < number <= 0xFFFFFFFF  # RFC 4291 §2.5.5.1; 0 and 1 have a meaning of their own
    return ipaddress.IPv4Address(number & 0xFFFFFFFF) if is_compatible or number >> 32 == _NAT64 else None


def read_target(text: str) -> AnyTarget:
    """The target of `HOST:PORT`, `[IPv6]:PORT` or `/path/of/a.sock`. Raises InvalidTarget."""
    if text.startswith("/"):
        return UnixTarget(text)
    host, colon, port = text.rpartition(":")
    if not colon or not re.fullmatch(r"[0-9]{1,5}", port):
        raise InvalidTarget("expected HOST:PORT, such as db.lan:5432 or [fd00::1]:5432, or /path/of/a.sock")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise InvalidTarget("an IPv6 address before a port has brackets around it: [fd00::1]:5432")
    return Target(host, int(port))


def _shown(text: str) -> str:
    return f"“{printable(text[:_SHOWN])}{'…' if len(text) > _SHOWN else ''}”"
