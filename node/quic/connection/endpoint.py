"""One UDP socket and the connections on it: finds each datagram's connection by its connection id."""

import asyncio
from abc import ABC, abstractmethod

from node.core.identity import Address
from node.quic.connection.drains import Drains
from node.quic.connection.link import Datagram, Link
from node.quic.connection.packets import destination_of
from node.quic.engine.reset import ResetWatch
from node.quic.udp.socket import Batch, SocketAddress, UdpSocket

TURN = 0.01
"""Seconds after which what is left of a batch waits until the loop has been round: a peer whose datagrams take long
shall not hold up the timers and writers of all others."""


class Endpoint(ABC):
    """Routes datagrams. A connection keeps the set of its own ids, so that its end costs no search."""

    def __init__(self, udp: UdpSocket) -> None:
        self._udp = udp
        self._loop = asyncio.get_running_loop()
        self._routes: dict[bytes, Link] = {}
        self._resets: ResetWatch[Link] = ResetWatch()
        self._drains = Drains()

    @property
    def address(self) -> Address:
        return self._udp.address

    # What a connection asks for

    @property
    def keeps_whole(self) -> bool:
        return self._udp.keeps_whole

    def send(self, datagrams: list[Datagram]) -> None:
        self._udp.send_all(datagrams)

    def route(self, connection_id: bytes, link: Link) -> None:
        self._routes[connection_id] = link

    def unroute(self, connection_id: bytes, link: Link) -> None:
        if self._routes.get(connection_id) is link:
            del self._routes[connection_id]

    def watch(self, token: bytes, link: Link) -> None:
        self._resets.add(token, link)

    def unwatch(self, token: bytes, link: Link) -> None:
        self._resets.discard(token, link)

    def drain(self, link: Link, until: float) -> None:
        self._drains.add(until, link.leave)

    # Parts

    @abstractmethod
    def _stranger(self, data: bytes, address: SocketAddress) -> Link | None:
        """The new connection that this datagram begins, or None; it names none that exists."""

    @abstractmethod
    def _on_error(self, error: OSError) -> None:
        """The network refused something that was sent."""

    def _start(self) -> None:
        self._udp.start(self._on_batch, self._on_error)

    def _on_batch(self, batch: Batch) -> None:
        touched: dict[Link, None] = {}
        now = self._loop.time()
        for place, (data, address) in enumerate(batch, 1):
            link = self._find(data, address)
            if link is not None:
                link.receive(data, address, now)
                touched[link] = None
            if place < len(batch) and self._loop.time() > now + TURN:
                self._udp.put_back(batch[place:])
                break
        for link in touched:
            self._settle(link)

    def _settle(self, link: Link) -> None:
        """After one or more datagrams."""
        link.settle()

    def _find(self, data: bytes, address: SocketAddress) -> Link | None:
        connection_id = destination_of(data)
        if connection_id is None:
            return None
        link = self._routes.get(connection_id)
        if link is not None and link.is_expected:
            return link
        if link is None and self._is_reset(data, address):
            return None
        if not self._may_knock(address):
            return None
        return link or self._stranger(data, address)

    def _is_reset(self, data: bytes, address: SocketAddress) -> bool:
        """Whether a peer says that it has forgotten a connection of ours, which then ends (RFC 9000 §10.3.1)."""
        link = self._resets.find(data)
        if link is None or link.engine.get_peer_address() != address:
            return False
        link.forgotten()
        return True

    def _may_knock(self, address: SocketAddress) -> bool:
        """Whether a datagram from here is looked at that belongs to no established connection."""
        return True
