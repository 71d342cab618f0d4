"""A UDP socket on the running loop, read in batches: one pass over many datagrams is what makes receiving cheap."""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from node.core.identity import Address
from node.quic.traffic import Traffic
from node.quic.udp.buffers import Shortfall, shortfalls
from node.quic.udp.options import forbid_fragments, granted_buffer, new_socket
from node.quic.udp.segments import UNABLE, UNWILLING, can_segment, cut_at, runs

logger = logging.getLogger(__name__)

BATCH = 64
"""Datagrams read per wake-up; more would keep other callbacks of the loop waiting."""

SHORTEST_RUN = 3
"""Datagrams that are worth looking for runs among them."""

PAUSE = 0.05
"""Seconds without reading after the system had no memory or buffers for it."""

MAPPED = "::ffff:"
"""How a socket of both protocols spells an IPv4 address (RFC 4291 §2.5.5.2)."""

_OF_THE_PEER = (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EMSGSIZE)
"""What a network says about what we have sent; reading it takes it off the socket."""

PORTS = range(1 << 16)

_MAX_DATAGRAM = 65_535
SocketAddress = tuple[Any, ...]
"""An address as the socket module has it: host, port, and for IPv6 two more numbers that matter on some links."""

Batch = list[tuple[bytes, SocketAddress]]


@dataclass(frozen=True, slots=True)
class Target:
    """One address that a name stands for."""

    family: socket.AddressFamily
    address: SocketAddress


async def resolve(host: str, port: int) -> list[Target]:
    """The addresses of `host`, best first. Raises OSError, UnicodeError or OverflowError where it names none."""
    if port not in PORTS:
        # The system's resolver would take the lowest 16 bits.
        raise OverflowError("a port is a number from 0 to 65535")
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    return [Target(family, address) for family, _, _, _, address in found]


def readable(address: SocketAddress) -> Address:
    """Host and port as people write them, and as filters and limits know them: IPv4 is IPv4 on every socket."""
    host: str = address[0]
    return (host.removeprefix(MAPPED) if "." in host else host, address[1])


class UdpSocket:
    """Owns one non-blocking socket, bound or connected, and closes it."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self.keeps_whole = forbid_fragments(sock)
        """Whether datagrams are never fragmented, so that one that arrives has shown what the path takes."""
        self.traffic = Traffic()
        self._segments = can_segment(sock)
        self._loop = asyncio.get_running_loop()
        self._peer: SocketAddress | None = None
        self._held: Batch = []
        self._on_batch: Callable[[Batch], None] | None = None
        self._on_error: Callable[[OSError], None] | None = None

    @classmethod
    def bound(cls, target: Target) -> "UdpSocket":
        """A socket that hears everybody, over IPv4 as well where it is bound to "::".

        Raises OSError where the address is taken or not ours.
        """
        sock = new_socket(target.family)
        try:
            if target.family == socket.AF_INET6:
                both = target.address[0] == "::"
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(not both))
            sock.bind(target.address)
        except OSError:
            sock.close()
            raise
        return cls(sock)

    @classmethod
    def connected(cls, target: Target) -> "UdpSocket":
        """A socket that hears this one peer only. Raises OSError where there is no route to it."""
        sock = new_socket(target.family)
        try:
            sock.connect(target.address)
        except OSError:
            sock.close()
            raise
        udp = cls(sock)
        udp._peer = sock.getpeername()
        return udp

    @property
    def address(self) -> Address:
        name = self._socket.getsockname()
        return (name[0], name[1])

    @property
    def family(self) -> socket.AddressFamily:
        return socket.AddressFamily(self._socket.family)

    def reaches(self, target: Target) -> SocketAddress | None:
        """The address to send to that stands for this target here, or None if this socket has no way to it."""
        if target.family == self.family:
            return target.address
        if target.family == socket.AF_INET and self.address[0] == "::":
            return (MAPPED + target.address[0], target.address[1], 0, 0)
        return None

    @property
    def shortfalls(self) -> list[Shortfall]:
        """The buffers that the system keeps smaller than we asked."""
        return shortfalls(self._socket)

    @property
    def is_open(self) -> bool:
        """Whether it was started, and not closed since."""
        return self._on_batch is not None and self._socket.fileno() >= 0

    @property
    def peer(self) -> SocketAddress | None:
        """The peer of a connected socket, in the form in which its datagrams name it."""
        return self._peer

    @property
    def receive_buffer(self) -> int:
        """Bytes that the kernel holds for us until they are read: what it granted of the `BUFFER` we asked for."""
        return granted_buffer(self._socket, socket.SO_RCVBUF)

    @property
    def send_buffer(self) -> int:
        """Bytes that the kernel takes from us before they have left."""
        return granted_buffer(self._socket, socket.SO_SNDBUF)

    def start(self, on_batch: Callable[[Batch], None], on_error: Callable[[OSError], None]) -> None:
        """Call `on_batch` with what came in, and `on_error` with what the network said about what went out."""
        self._on_batch, self._on_error = on_batch, on_error
        self._loop.add_reader(self._socket.fileno(), self._readable)

    def send(self, data: bytes, address: SocketAddress) -> None:
        """Send or lose: a full buffer and a refusing network both look like packet loss, which QUIC repairs."""
        self.send_all([(data, address)])

    def send_all(self, datagrams: Batch) -> None:
        """As `send`, for several, in as few calls as the system takes."""
        self.traffic.left(datagrams)
        if not self._segments or len(datagrams) < SHORTEST_RUN:
            for data, address in datagrams:
                self._send_one(data, address)
            return
        for run, address in runs(datagrams):
            if len(run) > 1 and self._segments:
                self._send_run(run, address)
            else:
                self._send_each(run, address)

    def _send_one(self, data: bytes, address: SocketAddress) -> None:
        try:
            if self._peer is None:
                self._socket.sendto(data, address)
            elif address == self._peer:
                self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            self.traffic.unsent_full += 1
        except OSError as error:
            self._not_sent(1, address, error)

    def _send_each(self, run: list[bytes], address: SocketAddress) -> None:
        for data in run:
            self._send_one(data, address)

    def _send_run(self, run: list[bytes], address: SocketAddress) -> None:
        if self._peer is not None and address != self._peer:
            return
        try:
            self._socket.sendmsg(run, cut_at(len(run[0])), 0, address if self._peer is None else None)
        except (BlockingIOError, InterruptedError):
            self.traffic.unsent_full += len(run)
        except OSError as error:
            if error.errno in UNABLE:
                self._segments = False
            if error.errno in UNABLE or error.errno in UNWILLING:
                self._send_each(run, address)
            else:
                self._not_sent(len(run), address, error)

    def _not_sent(self, count: int, address: SocketAddress, error: OSError) -> None:
        self.traffic.unsent_failed += count
        logger.debug("sending to %s failed: %s", address[0], error)

    def put_back(self, rest: Batch) -> None:
        """Take back the end of a batch, to be handed out again once the loop has been round."""
        self._held = rest
        self._loop.call_soon(self._go_on)

    def close(self) -> None:
        """Harmless when repeated."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()

    def _go_on(self) -> None:
        batch, self._held = self._held, []
        if self._on_batch is not None and self._socket.fileno() >= 0:
            self._on_batch(batch)

    def _readable(self) -> None:
        if self._held:
            return
        batch, error = self._read_batch()
        self.traffic.came(batch)
        if batch and self._on_batch is not None:
            self._on_batch(batch)
        if error is not None and self._on_error is not None:
            self._on_error(error)
        if error is not None and error.errno not in _OF_THE_PEER:
            self._pause(error)

    def _pause(self, error: OSError) -> None:
        """Let the system come round: the socket stays readable, and would be tried again and again for nothing."""
        if self._socket.fileno() >= 0:
            logger.warning("the socket cannot be read for the moment", extra={"error": error.strerror})
            self._loop.remove_reader(self._socket.fileno())
            self._loop.call_later(PAUSE, self._resume)

    def _resume(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.add_reader(self._socket.fileno(), self._readable)

    def _read_batch(self) -> tuple[Batch, OSError | None]:
        batch: Batch = []
        while len(batch) < BATCH:
            try:
                batch.append(self._receive())
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                return batch, error
        return batch, None

    def _receive(self) -> tuple[bytes, SocketAddress]:
        if self._peer is not None:
            return self._socket.recv(_MAX_DATAGRAM), self._peer
        data, address = self._socket.recvfrom(_MAX_DATAGRAM)
        return data, address
