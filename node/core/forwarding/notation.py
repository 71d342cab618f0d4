"""Patterns as people write them. `str` of a pattern is its one spelling, and is read back as the same pattern.

| text | pattern |
|---|---|
| `*` | anything |
| `db.lan`, `db-*`, `*.lan` | hosts by name, with one star at most |
| `10.0.0.0/8`, `fd00::/8`, `192.0.2.7` | a network, or one address |
| `db-*:5432`, `10.0.0.0/8:8000..9000`, `[fd00::/8]:22`, `*:443` | one port, or ports up to and without the last |
| `alknet-*` | the reserved names |
| `/run/app/*.sock` | Unix sockets by path, with one star at most |
"""

import ipaddress
import re

from node.core.forwarding.patterns import PORTS, STAR, AlknetPrefix, Any, Cidr, Host, Pattern, PortRange, SocketPath
from node.core.forwarding.target import RESERVED, InvalidTarget, UnixTarget, normal_host

MAX_PATTERN = 280
"""Longest text of a pattern, in characters."""
_PORTS = re.compile(r"(?P<host>[^:\[\]]+|\[[^\[\]]+\]):(?P<start>[0-9]{1,5})(?:\.\.(?P<end>[0-9]{1,5}))?")
_LIKE_ADDRESS = re.compile(r"[0-9.*]+")
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


class InvalidPattern(ValueError):
    """The text is no pattern. The message says what is wrong with it, in a sentence for people."""


def parse_pattern(text: str) -> Pattern:
    """The pattern that is written so; capital letters count as small ones. Raises InvalidPattern."""
    text = text.strip()
    if not text or len(text) > MAX_PATTERN:
        raise InvalidPattern(f"A target has 1 to {MAX_PATTERN} characters.")
    if text.startswith("/"):
        return _socket(text)
    if "%" in text:
        raise InvalidPattern("An address has no zone here, such as %eth0: it is judged without.")
    if text.lower() == RESERVED + STAR:
        return AlknetPrefix()
    match = _PORTS.fullmatch(text)
    return _host(text) if match is None else _ports(match)


def _ports(match: re.Match[str]) -> PortRange:
    host, start = match["host"], int(match["start"])
    end = start + 1 if match["end"] is None else int(match["end"])
    if not 0 <= start < end <= PORTS:
        raise InvalidPattern(f"Ports go from 0 to {PORTS - 1}; a range A..B ends before B, so that B is more than A.")
    return PortRange(_host(host[1:-1] if host.startswith("[") else host), start, end)


def _host(text: str) -> Any | Host | Cidr:
    if text.removesuffix(".") == STAR:
        return Any()
    if "/" in text or ":" in text:
        return _network(text)
    try:
        return _network(text)
    except InvalidPattern:
        return _name(text)


def _network(text: str) -> Cidr:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise InvalidPattern("This is no network, such as 10.0.0.0/8 or fd00::/8.") from None
    if (
        isinstance(network, ipaddress.IPv6Network)
        and network.overlaps(_MAPPED)
        and network.prefixlen >= _MAPPED.prefixlen
    ):
        raise InvalidPattern("IPv4 addresses within IPv6 count as IPv4: write the IPv4 network.")
    if "/" in text and str(network.network_address) != str(ipaddress.ip_address(text.partition("/")[0])):
        raise InvalidPattern(f"The address has bits beyond its network: write {network}.")
    return Cidr(network)


def _name(text: str) -> Host:
    if text.count(STAR) > 1:
        raise InvalidPattern("The name of a host has one * at most.")
    if _LIKE_ADDRESS.fullmatch(text):
        raise InvalidPattern("Addresses are written as a network, such as 10.0.0.0/8: a * stands within names only.")
    try:
        plain = normal_host(text.replace(STAR, "x"))
    except InvalidTarget:
        raise InvalidPattern("This is neither the name of a host, nor a network, nor the path of a socket.") from None
    at = text.find(STAR)
    return Host(plain if at < 0 else plain[:at] + STAR + plain[at + 1 :])


def _socket(text: str) -> SocketPath:
    if text.count(STAR) > 1:
        raise InvalidPattern("The path of a socket has one * at most.")
    try:
        UnixTarget(text.replace(STAR, "x"))
    except InvalidTarget:
        raise InvalidPattern(
            "A socket has a plain absolute path without : [ ], . and .., of at most 107 bytes."
        ) from None
    return SocketPath(text)
