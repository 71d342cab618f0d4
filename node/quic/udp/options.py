"""UDP sockets as QUIC wants them: large buffers, and datagrams that are never fragmented.

The socket module lacks most of the numbers; these are of each system's headers.
"""

import contextlib
import socket
import sys

BUFFER = 4 * 1024 * 1024
"""Bytes asked of the kernel each way; it grants what its own limit allows."""

_UNFRAGMENTED: dict[str, dict[int, tuple[int, int, int]]] = {
    # IP_MTU_DISCOVER and IPV6_MTU_DISCOVER at *_PMTUDISC_PROBE: never fragment, and believe no forged ICMP.
    "linux": {socket.AF_INET: (socket.IPPROTO_IP, 10, 3), socket.AF_INET6: (socket.IPPROTO_IPV6, 23, 3)},
    # IP_DONTFRAG and IPV6_DONTFRAG.
    "darwin": {socket.AF_INET: (socket.IPPROTO_IP, 28, 1), socket.AF_INET6: (socket.IPPROTO_IPV6, 62, 1)},
    # IP_DONTFRAGMENT and IPV6_DONTFRAG.
    "win32": {socket.AF_INET: (socket.IPPROTO_IP, 14, 1), socket.AF_INET6: (socket.IPPROTO_IPV6, 14, 1)},
}


def new_socket(family: int) -> socket.socket:
    """Non-blocking, unbound. Raises OSError where the system has no more of them."""
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.settimeout(0)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, option, BUFFER)
    return sock


def granted_buffer(sock: socket.socket, option: int) -> int:
    """The usable bytes of SO_RCVBUF or SO_SNDBUF; Linux reports twice that, for its own book-keeping."""
    size = sock.getsockopt(socket.SOL_SOCKET, option)
    return size // 2 if sys.platform == "linux" else size


def forbid_fragments(sock: socket.socket) -> bool:
    """Have every datagram sent whole or not at all. False where the system cannot: no size may be tried there."""
    option = _UNFRAGMENTED.get(sys.platform, {}).get(sock.family)
    if option is None:
        return False
    try:
        sock.setsockopt(*option)
    except OSError:
        return False
    if sock.family == socket.AF_INET6:
        # What a socket of both protocols sends over IPv4; one of IPv6 alone may refuse to hear of it.
        with contextlib.suppress(OSError):
            sock.setsockopt(*_UNFRAGMENTED[sys.platform][socket.AF_INET])
    return True
