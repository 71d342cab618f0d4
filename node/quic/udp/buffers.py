"""Socket buffers that the system keeps smaller than was asked, and what an operator can do about it.

While the node is busy, datagrams wait in the receive buffer; what does not fit is lost and sent again. A few hundred
KiB, as many systems allow, hold a tenth of a second of a fast link.
"""

import socket
import sys
from dataclasses import dataclass

from node.quic.udp import options

_REMEDIES = {
    "linux": {socket.SO_RCVBUF: "net.core.rmem_max", socket.SO_SNDBUF: "net.core.wmem_max"},
    "darwin": dict.fromkeys((socket.SO_RCVBUF, socket.SO_SNDBUF), "kern.ipc.maxsockbuf"),
}
_DIRECTIONS = {socket.SO_RCVBUF: "receiving", socket.SO_SNDBUF: "sending"}


@dataclass(frozen=True, slots=True)
class Shortfall:
    """One buffer that is smaller than was asked, both in bytes."""

    direction: str
    granted: int
    asked: int
    setting: str | None
    """The system's setting that allows more, where we know its name."""

    def __str__(self) -> str:
        text = f"the system grants {self.granted // 1024} KiB of {self.asked // 1024} KiB for {self.direction}"
        return f"{text}; sysctl -w {self.setting}={self.asked} allows it" if self.setting else text


def shortfalls(sock: socket.socket) -> list[Shortfall]:
    """What a socket made by `options.new_socket` was not granted."""
    remedies = _REMEDIES.get(sys.platform, {})
    found = ((option, options.granted_buffer(sock, option)) for option in _DIRECTIONS)
    return [
        Shortfall(_DIRECTIONS[option], granted, options.BUFFER, remedies.get(option))
        for option, granted in found
        if granted < options.BUFFER
    ]


def shortfalls_here() -> list[Shortfall]:
    """What a socket of this process would not be granted. Raises OSError where there is none to be had."""
    with options.new_socket(socket.AF_INET) as sock:
        return shortfalls(sock)
