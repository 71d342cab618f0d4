"""The patterns of forwarding rules (spec handlers §2): which targets a rule is about.

A pattern is asked about one target at one of its addresses, and answers yes, no, or that this cannot be told: whether a
name lies in a network is not known before the name is resolved.
"""

import ipaddress
from dataclasses import dataclass, field

from node.core.forwarding.target import MAX_PORT, RESERVED, AnyTarget, IpAddress, Target, UnixTarget, carried_ipv4

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
STAR = "*"
PORTS = MAX_PORT + 1
"""Where the last range of ports ends: one past the last port."""


@dataclass(frozen=True, slots=True)
class Any:
    """Every target, Unix sockets included."""

    def covers(self, target: AnyTarget, address: IpAddress | None) -> bool | None:
        return True

    def __str__(self) -> str:
        return STAR


@dataclass(frozen=True, slots=True)
class Host:
    """Hosts by name; one `*` in it stands for any characters, dots included. An IP address is no name: not covered."""

    name: str

    def covers(self, target: AnyTarget, address: IpAddress | None) -> bool | None:
        return isinstance(target, Target) and target.literal is None and _fits(self.name, target.host)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Cidr:
    """A network: the address that is dialled or listened on is in it. Not known of a name that was not resolved.

    Nor is it of an IPv6 address that carries one of this network's, which may be led there, or of `0.0.0.0` and `::`:
    to listen there is to listen on every address, those of this network among them.
    """

    network: IpNetwork
    _first: int = field(init=False, repr=False, compare=False)
    _last: int = field(init=False, repr=False, compare=False)
    _version: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Numbers, by which it is asked for each connection."""
        object.__setattr__(self, "_first", int(self.network.network_address))
        object.__setattr__(self, "_last", int(self.network.broadcast_address))
        object.__setattr__(self, "_version", self.network.version)

    def covers(self, target: AnyTarget, address: IpAddress | None) -> bool | None:
        if isinstance(target, UnixTarget) or target.reserved:
            return False
        if address is None:
            return None
        if address.version == self._version:
            number = int(address)
            return True if self._first <= number <= self._last else None if number == 0 else False
        carried = carried_ipv4(address)
        return None if carried is not None and carried in self.network else False

    def __str__(self) -> str:
        single = self.network.prefixlen == self.network.max_prefixlen
        return str(self.network.network_address if single else self.network)


@dataclass(frozen=True, slots=True)
class PortRange:
    """Ports from `start` up to, and without, `end`, of hosts that the other pattern covers: half-open."""

    host: "Any | Host | Cidr"
    start: int
    end: int

    def covers(self, target: AnyTarget, address: IpAddress | None) -> bool | None:
        within = isinstance(target, Target) and self.start <= target.port < self.end
        return self.host.covers(target, address) if within else False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in str(self.host) else str(self.host)
        return f"{host}:{self.start}" if self.end == self.start + 1 else f"{host}:{self.start}..{self.end}"


@dataclass(frozen=True, slots=True)
class AlknetPrefix:
    """The reserved names, which begin with `alknet-`."""

    def covers(self, target: AnyTarget, address: IpAddress | None) -> bool | None:
        return isinstance(target, Target) and target.reserved

    def __str__(self) -> str:
        return RESERVED + STAR


@dataclass(frozen=True, slots=True)
class SocketPath:
    """Unix sockets by path; one `*` in it stands for any characters but a slash."""

    path: str

    def covers(self, target: AnyTarget, address: IpAddress | None) -> bool | None:
        if not isinstance(target, UnixTarget) or target.path.count("/") != self.path.count("/"):
            return False
        return _fits(self.path, target.path)

    def __str__(self) -> str:
        return self.path


Pattern = Any | Host | Cidr | PortRange | AlknetPrefix | SocketPath


def _fits(pattern: str, text: str) -> bool:
    """Whether the text is the pattern, its one star put in place of any characters or none."""
    before, star, after = pattern.partition(STAR)
    if not star:
        return pattern == text
    return len(text) >= len(before) + len(after) and text.startswith(before) and text.endswith(after)
