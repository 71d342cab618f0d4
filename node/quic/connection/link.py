"""One connection on one socket: feeds datagrams and time to the engine, and the engine's events to the streams."""

import asyncio
import contextlib
import logging
from typing import Protocol

from aioquic.quic import events
from aioquic.quic.packet import QuicErrorCode

from node.core.identity import Address
from node.core.rate import Allowance
from node.quic.connection.alarm import Alarm
from node.quic.connection.farewell import Farewell
from node.quic.connection.source import QuicSource
from node.quic.engine.ending import EndCause, Ending
from node.quic.engine.engine import Engine
from node.quic.limits import QuicLimits
from node.quic.udp.socket import SocketAddress, readable

logger = logging.getLogger(__name__)

Datagram = tuple[bytes, SocketAddress]

HANDSHAKE_TIMED_OUT = "handshake timed out"
BROKEN = "a QUIC connection failed inside the engine and was dropped"

HANDED_ON = 2
"""Turns of the loop beyond that of whoever an arrival has woken: a stream gets a reader, and what it reads a task."""

MOVES = 8
"""Changes of its address that a peer may make at once, each of which is told."""

MOVES_PER_SECOND = 1
"""Those told in the long run. Of a peer that changes more often, some are left out."""


class LinkOwner(Protocol):
    """Whoever has the socket. Called on the loop; must not raise."""

    @property
    def keeps_whole(self) -> bool:
        """Whether datagrams are never fragmented."""
        ...

    def send(self, datagrams: list[Datagram]) -> None: ...

    def route(self, connection_id: bytes, link: "Link") -> None: ...

    def unroute(self, connection_id: bytes, link: "Link") -> None: ...

    def watch(self, token: bytes, link: "Link") -> None:
        """From now on, a stateless reset with this token is for that connection."""
        ...

    def unwatch(self, token: bytes, link: "Link") -> None: ...

    def established(self, link: "Link", alpn: bytes) -> None:
        """The handshake is complete: the peer's key is proven, or it has shown none."""
        ...

    def moved(self, link: "Link", old: Address, new: Address) -> None:
        """The peer has proven another address."""
        ...

    def ended(self, link: "Link", ending: Ending) -> None:
        """The connection can carry nothing more. Called once."""
        ...

    def drain(self, link: "Link", until: float) -> None:
        """The connection is closed. Call its `leave` when that time of the loop has come."""
        ...

    def gone(self, link: "Link") -> None:
        """The connection's last echo has passed, and its identifiers are free. Called once, after `ended`."""
        ...


class Link:
    """The running part of one connection. Whatever the engine raises ends this connection and no other."""

    def __init__(self, engine: Engine, owner: LinkOwner, limits: QuicLimits, handshake_deadline: float | None) -> None:
        self.engine = engine
        if not owner.keeps_whole:
            engine.stay_small()
        self.source = QuicSource(self, limits)
        self.connection_ids: set[bytes] = set()
        self.heard = False
        self.is_established = False
        self.is_expected = handshake_deadline is None
        """Whether nobody need count its datagrams: the handshake is complete, or it was we who asked for it."""
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._deadline = handshake_deadline
        self._alarm = Alarm(self._tick)
        self._flush: asyncio.Handle | None = None
        self._ending: Ending | None = None
        self._gone = False
        self._farewell: Farewell | None = None
        self._reset_token = b""
        self._address: SocketAddress | None = None
        self._moves = Allowance(MOVES_PER_SECOND, MOVES)

    @property
    def peer_address(self) -> Address | None:
        """Where the peer was last proven to be, or else, before that, where its packets come from."""
        address = self.engine.proven_address or self.engine.get_peer_address()
        return None if address is None else readable(address)

    def add_connection_id(self, connection_id: bytes) -> None:
        self.connection_ids.add(connection_id)
        self._owner.route(connection_id, self)

    # What the socket reports

    def receive(self, data: bytes, address: SocketAddress, now: float) -> None:
        """Take one datagram. `settle` must follow, once for all datagrams of a batch."""
        self.heard = True
        if self._gone:
            return
        if self.engine.ended:
            # The peer still talks, so our close was lost.
            if self._farewell is not None:
                self._owner.send(self._farewell.again())
            return
        try:
            self.engine.receive_datagram(data, address, now)
        except Exception:
            logger.exception(BROKEN)
            self._broken()

    def settle(self) -> None:
        """Pass on what the last datagrams or timers changed, and send what that calls for."""
        self._report()
        # An answer of those just woken shares one pass, one packet and one timer with our ACK.
        if self._flush is None and self._ending is None:
            self._flush = self._loop.call_soon(self._flush_after, HANDED_ON)

    # What the streams and the handler ask for

    def flush_soon(self) -> None:
        # Behind the callbacks that are already due, so that what they write shares the packet.
        if self._flush is None and self._ending is None:
            self._flush = self._loop.call_soon(self._flush_now)

    def flush(self) -> None:
        """Send everything that may be sent now."""
        if self._flush is not None:
            self._flush.cancel()
        self._flush_now()

    def close(self, code: int, reason: str) -> None:
        """Close for the application: the frame leaves before this returns, and every waiter is woken.

        Of what the streams have queued, the part that the network takes at once goes out ahead; the rest is lost.
        """
        if self._flush is not None:
            self.flush()
        if self._ending is None:
            self.engine.close(error_code=code, reason_phrase=reason)
            self._report()

    def keep_alive(self, interval: float) -> None:
        """Ping the peer after each `interval` seconds of quiet, to the connection's end."""
        if self._ending is None:
            self.engine.keep_alive(interval)
            self._arm(self._loop.time())

    def abandon(self, reason: str) -> None:
        """Close for the transport, as long as no application has seen the connection."""
        if self._ending is None:
            self.engine.abandon(reason)
            self._report()

    def forgotten(self) -> None:
        """The peer has lost the connection's state and said so (RFC 9000 §10.3.1). Nothing more is sent."""
        if self._ending is None:
            self._end(Ending(EndCause.REMOTE, QuicErrorCode.INTERNAL_ERROR, "stateless reset", is_transport=True))
        self.leave()

    def drop(self) -> None:
        """Forget the connection without a word."""
        if self._ending is None:
            self._end(Ending(EndCause.FAILED, reason="connection dropped"))
        self.leave()

    def leave(self) -> None:
        """Forget the connection, which has ended: its identifiers are free. Harmless when repeated."""
        if self._gone:
            return
        self._gone = True
        self._alarm.cancel()
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        for connection_id in self.connection_ids:
            self._owner.unroute(connection_id, self)
        self.connection_ids.clear()
        self._watch(b"")
        self.engine.growth.end()
        self._owner.gone(self)

    # Parts

    def _flush_after(self, turns: int) -> None:
        if turns:
            self._flush = self._loop.call_soon(self._flush_after, turns - 1)
        else:
            self._flush_now()

    def _flush_now(self) -> None:
        self._flush = None
        if self._gone:
            return
        now = self._loop.time()
        sent = False
        try:
            sent = self._transmit(now)
        except Exception:
            logger.exception(BROKEN)
            self._broken()
        self._arm(now, sent=sent)

    def _report(self) -> None:
        if self._gone:
            return
        try:
            self._pass_on()
        except Exception:
            logger.exception(BROKEN)
            self._broken()

    def _pass_on(self) -> None:
        for event in self.engine.pending_events():
            self._dispatch(event)
        if self._ending is not None:
            return
        ending = self.engine.ending
        if ending is None:
            self._progress()
            return
        if not self.engine.ended:
            # The owner may drop the connection when it hears of its end; the peer must have heard of it by then.
            self._transmit(self._loop.time())
        self._end(ending)
        if not self._gone:
            self._alarm.cancel()
            self._owner.drain(self, self.engine.drained_at)

    def _progress(self) -> None:
        if self.engine.peer_reset_token is not self._reset_token:
            self._watch(self.engine.peer_reset_token)
        if self.engine.proven_address is not self._address:
            self._follow()
        self.source.on_progress()

    def _dispatch(self, event: events.QuicEvent) -> None:
        match event:
            case events.StreamDataReceived() | events.StreamReset() | events.StopSendingReceived():
                if self._ending is None:
                    self.source.on_event(event)
            case events.HandshakeCompleted():
                self._deadline = None
                self.is_established = self.is_expected = True
                self._owner.established(self, (event.alpn_protocol or "").encode("ascii"))
            case events.ConnectionIdIssued():
                self.add_connection_id(event.connection_id)
            case events.ConnectionIdRetired():
                self.connection_ids.discard(event.connection_id)
                self._owner.unroute(event.connection_id, self)
            case events.ConnectionTerminated():
                if self._ending is None and (ending := self.engine.ending) is not None:
                    self._end(ending)
                self.leave()

    def _transmit(self, now: float) -> bool:
        """Whether there was anything to send."""
        was_ended = self.engine.ended
        datagrams = self.engine.datagrams_to_send(now)
        if not datagrams:
            return False
        self._owner.send(datagrams)
        if self.engine.ended and not was_ended:
            self._farewell = Farewell(datagrams)
        # Sending may issue connection ids, which must be routed before the peer can use them.
        for event in self.engine.pending_events():
            self._dispatch(event)
        return True

    def _watch(self, token: bytes) -> None:
        """Listen for the stateless reset of the peer's connection id in use, and no longer for that of the last one."""
        if self._reset_token:
            self._owner.unwatch(self._reset_token, self)
        self._reset_token = token
        if token:
            self._owner.watch(token, self)

    def _follow(self) -> None:
        """The peer has proven an address. If it is another than before, that is told, at a bounded rate."""
        old, new = self._address, self.engine.proven_address
        if old is not None and new is not None and old != new:
            if not self._moves.take(self._loop.time()):
                return
            self._owner.moved(self, readable(old), readable(new))
        self._address = new

    def _broken(self) -> None:
        """The engine has raised, or one of those it told."""
        self._last_words()
        self.drop()

    def _last_words(self) -> None:
        """Tell the peer, if the engine is still able to."""
        with contextlib.suppress(Exception):
            self.engine.fail()
            self._owner.send(self.engine.datagrams_to_send(self._loop.time()))

    def _end(self, ending: Ending) -> None:
        if self._ending is None:
            self._ending = ending
            self.source.on_end(ending)
            self._owner.ended(self, ending)

    # Time

    def _arm(self, now: float, *, sent: bool = False) -> None:
        """After something was sent, what the alarm was set for may be done: mostly an acknowledgement."""
        if self._ending is None and (sent or not self._alarm.is_near(now)):
            self._alarm.set(self._due(), now)

    def _due(self) -> float | None:
        due: float | None = self.engine.get_timer()
        if self._deadline is None:
            return due
        return self._deadline if due is None else min(due, self._deadline)

    def _tick(self, now: float) -> None:
        if self._deadline is not None and now >= self._deadline:
            self.abandon(HANDSHAKE_TIMED_OUT)
            return
        due = self.engine.get_timer()
        if due is None or due > now:
            self._arm(now)
            return
        try:
            self.engine.handle_timer(now)
        except Exception:
            logger.exception(BROKEN)
            self._broken()
        self._report()
        self.flush()
