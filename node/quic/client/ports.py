"""The sockets that outgoing connections use: a fresh one for each, or one that a listener has as well."""

import asyncio
import contextlib
from typing import Protocol

from node.core.connection import CLOSE_NORMAL
from node.core.errors import ConnectError
from node.quic.client.outgoing import DialSettings, OutgoingCall, spell
from node.quic.connection.endpoint import Endpoint
from node.quic.engine.budget import Budget, Part
from node.quic.engine.ending import EndCause, Ending
from node.quic.engine.reset import ResetTokens
from node.quic.udp.relayed import Envelope, RelayedSocket
from node.quic.udp.socket import SocketAddress, Target, UdpSocket

LINGER = 2.0
"""Seconds at most for which the socket of a closed connection stays, to say again that it is closed."""


class Port(Protocol):
    """Where outgoing connections leave from."""

    def begin(self, target: Target, settings: DialSettings) -> OutgoingCall:
        """A call to this address, not yet started. Raises ConnectError where there is no way to it from here."""
        ...


class FreshSockets:
    """A socket of its own for each connection, closed with it."""

    def begin(self, target: Target, settings: DialSettings) -> OutgoingCall:
        try:
            udp = UdpSocket.connected(target)
        except OSError as error:
            raise ConnectError(f"cannot reach {spell(target.address)}: {error.strerror}") from error
        return OwnSocket(udp).carry(udp.peer or udp.address, settings)


class RelayedSockets:
    """A socket of its own for each connection, to a relay that takes its datagrams in this envelope."""

    def __init__(self, envelope: Envelope) -> None:
        self._envelope = envelope

    def begin(self, target: Target, settings: DialSettings) -> OutgoingCall:
        try:
            udp = RelayedSocket(target, self._envelope)
        except OSError as error:
            raise ConnectError(f"cannot reach {spell(target.address)}: {error.strerror}") from error
        return OwnSocket(udp).carry(udp.peer or udp.address, settings)


class CallingEndpoint(Endpoint):
    """An endpoint whose socket carries outgoing connections."""

    def __init__(self, udp: UdpSocket) -> None:
        super().__init__(udp)
        self._calls: set[OutgoingCall] = set()

    def carry(
        self,
        peer: SocketAddress,
        settings: DialSettings,
        tokens: ResetTokens | None = None,
        growth: Part | None = None,
    ) -> OutgoingCall:
        call = OutgoingCall(self, peer, settings, tokens, growth)
        self._calls.add(call)
        return call

    def hung_up(self, call: OutgoingCall, ending: Ending) -> None:
        """The socket stays, so the connection answers latecomers until its closing period is over."""

    def release(self, call: OutgoingCall) -> None:
        self._calls.discard(call)


class SharedSocket(CallingEndpoint):
    """A socket that has other uses as well, so that the peer sees us come from the port where we listen."""

    def __init__(self, udp: UdpSocket, tokens: ResetTokens, budget: Budget) -> None:
        super().__init__(udp)
        self._tokens = tokens
        self._budget = budget

    def begin(self, target: Target, settings: DialSettings) -> OutgoingCall:
        if not self._udp.is_open:
            raise ConnectError("the port to dial from is not open")
        peer = self._udp.reaches(target)
        if peer is None:
            raise ConnectError(f"cannot reach {spell(target.address)} from {self.address[0]}")
        return self.carry(peer, settings, self._tokens, self._budget.part())

    def _hang_up(self) -> None:
        """End the outgoing connections, as the socket is about to be closed."""
        for call in tuple(self._calls):
            call.hang_up(CLOSE_NORMAL, "shutdown")


class OwnSocket(CallingEndpoint):
    """The socket of one outgoing connection. It is connected, so it hears that peer only, and of its refusals."""

    def __init__(self, udp: UdpSocket) -> None:
        super().__init__(udp)
        self._lingering: asyncio.Task[None] | None = None
        self._released = asyncio.Event()
        self._start()

    def hung_up(self, call: OutgoingCall, ending: Ending) -> None:
        """Close the socket, unless it is we who have closed a living connection.

        Our word may be lost. As long as the socket is there, whatever the peer sends is answered with it again; with
        nothing there, the peer would wait for its idle time-out. The caller waits for none of that, and the end of its
        loop ends it.
        """
        if call.link.is_established and ending.cause is EndCause.LOCAL:
            self._lingering = asyncio.create_task(self._linger())
            # Not in the task itself, which may be cancelled before it has begun.
            self._lingering.add_done_callback(lambda _: call.link.drop())
        else:
            call.link.drop()

    def release(self, call: OutgoingCall) -> None:
        super().release(call)
        self._released.set()
        self._udp.close()

    def _stranger(self, data: bytes, address: SocketAddress) -> None:
        return

    def _on_error(self, error: OSError) -> None:
        for call in self._calls:
            call.unreachable(error)

    async def _linger(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER):
                await self._released.wait()
