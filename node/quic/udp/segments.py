"""Runs of datagrams that leave in one call: the kernel cuts a buffer into datagrams of equal size (UDP_SEGMENT)."""

import errno
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from typing import Any

MAX_SEGMENTS = 64
"""Datagrams of one call at most (UDP_MAX_SEGMENTS of Linux 4.18)."""

MAX_BYTES = 65_000
"""Bytes of one call at most: those of the largest datagram there is, with room for its headers."""

UNABLE = (errno.EIO, errno.ENOPROTOOPT, errno.EOPNOTSUPP)
"""What a kernel says that will never cut for this socket: its network card leaves the checksums to us."""

UNWILLING = (errno.EINVAL, errno.EMSGSIZE)
"""What it says where these datagrams are too large for their way; one by one, it tells which."""

_UDP_SEGMENT = 103
_SIZE = struct.Struct("=H")

Run = tuple[list[bytes], Any]
"""Datagrams for one address, all of the size of the first; only the last may be shorter."""


def can_segment(sock: socket.socket) -> bool:
    if sys.platform != "linux":
        return False
    try:
        sock.getsockopt(socket.IPPROTO_UDP, _UDP_SEGMENT)
    except OSError:
        return False
    return True


def runs(datagrams: Sequence[tuple[bytes, Any]]) -> Iterator[Run]:
    """The same datagrams in the same order, as long runs as one call takes."""
    run: list[bytes] = []
    where: Any = None
    room = 0
    for data, address in datagrams:
        if not run or address != where or not len(data) <= min(room, len(run[0])) or len(run) == MAX_SEGMENTS:
            if run:
                yield run, where
            run, where, room = [], address, MAX_BYTES
        run.append(data)
        # Nothing can follow a shorter one.
        room = room - len(data) if len(data) == len(run[0]) else 0
    if run:
        yield run, where


def cut_at(size: int) -> list[tuple[int, int, bytes]]:
    """The ancillary data of a sendmsg that has its buffer cut every `size` bytes."""
    return [(socket.IPPROTO_UDP, _UDP_SEGMENT, _SIZE.pack(size))]
