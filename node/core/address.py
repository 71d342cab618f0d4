"""HOST:PORT as text: how it is read, and how it is written back."""

import re

from node.core.identity import Address

_HOST_PORT = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|(?P<host>[^\s:\[\]/@]{1,253}))(?::(?P<port>[0-9]{1,5}))?"
)
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - recognised here, bound nowhere


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
