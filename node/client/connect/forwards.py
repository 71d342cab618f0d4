"""What is to be forwarded, as people write it: BIND:PORT:HOST:PORT."""

import re
from dataclasses import dataclass

from node.core.address import AddressFormatError, parse_host_port
from node.core.identity import Address

_FIELDS = re.compile(r"((?:\[[^\[\]]*\]|[^:\[\]]*):\d{1,5}):((?:\[[^\[\]]*\]|[^:\[\]]*):\d{1,5})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Forward:
    """Whoever connects to `bind` is connected to `target`."""

    bind: Address
    target: Address


def parse_forward(text: str) -> Forward:
    """BIND:PORT:HOST:PORT, all four fields, an IPv6 address in brackets. Raises AddressFormatError.

    The first port may be 0, for any that is free.
    """
    match = _FIELDS.fullmatch(text)
    if match is None:
        raise AddressFormatError("expected BIND:PORT:HOST:PORT, such as 127.0.0.1:8080:intranet.example:80")
    forward = Forward(parse_host_port(match[1]), parse_host_port(match[2]))
    if not forward.target[1]:
        raise AddressFormatError("the second port is a number from 1 to 65535")
    return forward


def parse_listen(text: str, default_host: str = "127.0.0.1") -> Address:
    """[ADDR:]PORT. Raises AddressFormatError."""
    return parse_host_port(text if ":" in text else f"{default_host}:{text}")
