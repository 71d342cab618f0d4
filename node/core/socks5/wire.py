"""What both sides of SOCKS5 share: its numbers, a login, and how an address is spelled (RFC 1928 §3 to §5)."""

from dataclasses import dataclass, field
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, ip_address

VERSION = 5
LOGIN_VERSION = 1
"""Of the login by user and password (RFC 1929 §2)."""
MAX_TEXT = 255
"""Bytes of a name, a user or a password, whose length is one byte."""


class Method(IntEnum):
    """How a client shows who it is."""

    NONE = 0x00
    LOGIN = 0x02
    UNACCEPTABLE = 0xFF


class Command(IntEnum):
    """What a client asks for."""

    CONNECT = 0x01
    UDP_ASSOCIATE = 0x03


class Kind(IntEnum):
    """Of an address."""

    IPV4 = 0x01
    NAME = 0x03
    IPV6 = 0x04


ADDRESS_BYTES: dict[int, int] = {Kind.IPV4: 4, Kind.IPV6: 16}
"""Length of an address; that of a name stands before it, in one byte."""


class Reply(IntEnum):
    """What became of a request."""

    SUCCEEDED = 0x00
    GENERAL_FAILURE = 0x01
    FORBIDDEN = 0x02
    NETWORK_UNREACHABLE = 0x03
    HOST_UNREACHABLE = 0x04
    REFUSED = 0x05
    COMMAND_UNKNOWN = 0x07
    ADDRESS_UNKNOWN = 0x08


@dataclass(frozen=True, slots=True)
class Login:
    """User and password, 1 to 255 bytes each (RFC 1929 §2)."""

    user: bytes
    password: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not (1 <= len(self.user) <= MAX_TEXT and 1 <= len(self.password) <= MAX_TEXT):
            raise ValueError("user and password have 1 to 255 bytes each")

    @property
    def message(self) -> bytes:
        """As a client sends it."""
        user, password = self.user, self.password
        return bytes((LOGIN_VERSION, len(user))) + user + bytes((len(password),)) + password


def spell_address(host: str, port: int) -> bytes:
    """Kind, address and port. What is no IP address is a name, whose bytes go as they are. Raises ValueError."""
    try:
        address = ip_address(host)
    except ValueError:
        name = host.encode("ascii")
        if not 1 <= len(name) <= MAX_TEXT:
            raise ValueError("a name has 1 to 255 bytes") from None
        return bytes((Kind.NAME, len(name))) + name + port.to_bytes(2)
    kind = Kind.IPV4 if address.version == 4 else Kind.IPV6
    return bytes((kind,)) + address.packed + port.to_bytes(2)


def read_host(kind: int, raw: bytes) -> str | None:
    """The address of this kind that these bytes spell; None for a name with anything but visible ASCII in it."""
    match kind:
        case Kind.IPV4:
            return str(IPv4Address(raw))
        case Kind.IPV6:
            return str(IPv6Address(raw))
        case _:
            visible = bool(raw) and all(0x21 <= byte <= 0x7E for byte in raw)
            return raw.decode("ascii") if visible else None
