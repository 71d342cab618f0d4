"""Path MTU discovery on a connection: probes that congestion control never sees (RFC 9000 §14.4, RFC 8899)."""

from typing import Any

from aioquic import tls
from aioquic._buffer import Buffer
from aioquic.quic.connection import QuicConnection, QuicNetworkPath
from aioquic.quic.packet import QuicFrameType, QuicPacketType
from aioquic.quic.packet_builder import QuicDeliveryState, QuicPacketBuilder

from node.quic.engine.doubt import ROUNDS, SizeDoubt
from node.quic.engine.pmtud import BASE, PathMtu

BLACK_HOLE_TIMEOUTS = 3
"""Probe time-outs in a row, with nothing acknowledged in between, that make us doubt the size and not the peer."""
_PATIENCE = 3
"""Probe time-outs until a probe counts as lost, where no later packet has been acknowledged meanwhile."""
_MAX_UDP_PAYLOAD_SIZE = 0x03

Outgoing = list[tuple[bytes, Any]]


class PathProbing(QuicConnection):
    """Finds the largest datagram that the path takes, once there is enough to send to fill it."""

    def _start_probing(self) -> None:
        """To be called once, before any packet."""
        self._path_mtu = PathMtu()
        self._mtu_address: Any = None
        self._doubt: SizeDoubt | None = None

    @property
    def datagram_size(self) -> int:
        """The largest datagram sent now, apart from probes."""
        return int(self._max_datagram_size)

    def stay_small(self) -> None:
        """Try no size: the network in between, or our own system, may cut datagrams into fragments."""
        self._path_mtu.cap(BASE)

    def get_timer(self) -> float | None:
        due: float | None = super().get_timer()
        deadline = self._path_mtu.deadline
        return due if deadline is None or due is None else min(due, deadline)

    def handle_timer(self, now: float) -> None:
        super().handle_timer(now)
        self._path_mtu.expire(now)

    def _check_path(self, now: float) -> None:
        """Before anything is sent: whether what is known of the path still holds."""
        if self._max_datagram_size == BASE:
            return
        if self._network_paths[0].addr != self._mtu_address:
            self._path_mtu.restart()
        elif self._loss._pto_count >= BLACK_HOLE_TIMEOUTS or (self._doubt and self._doubt.rounds >= ROUNDS):
            self._path_mtu.fall_back(now)
        self._use_size()

    def _probes(self, sent: Outgoing, now: float) -> Outgoing:
        """The probes to send behind what was `sent`; none while that fills no datagram."""
        size = self._max_datagram_size
        if not self._handshake_confirmed or all(len(data) < size for data, _ in sent):
            return []
        path = self._network_paths[0]
        # While nothing at all is acknowledged, the loss of a probe would say nothing about its size.
        if self._close_event is not None or not path.is_validated or self._loss._pto_count:
            return []
        if self._mtu_address != path.addr:
            self._mtu_address = path.addr
            self._path_mtu.restart()
        return [self._probe(path, size, now) for size in self._path_mtu.wanted(now)]

    def _probe(self, path: QuicNetworkPath, size: int, now: float) -> tuple[bytes, Any]:
        builder = QuicPacketBuilder(
            host_cid=self.host_cid,
            is_client=self._is_client,
            max_datagram_size=size,
            packet_number=self._packet_number,
            peer_cid=self._peer_cid.cid,
            spin_bit=self._spin_bit,
            version=self._version or 0,
        )
        number = self._packet_number
        builder.start_packet(QuicPacketType.ONE_RTT, self._cryptos[tls.Epoch.ONE_RTT])
        frame = builder.start_frame(QuicFrameType.PING, handler=self._on_probe_delivery, handler_args=(number,))
        frame.push_bytes(bytes(builder.remaining_buffer_space))
        datagrams, packets = builder.flush()
        self._packet_number = builder.packet_number
        # Recorded as a packet that nobody waits for: its loss is no congestion, and arms no probe time-out.
        packet = packets[0]
        packet.is_ack_eliciting = packet.in_flight = False
        packet.sent_time = now
        space = self._spaces[tls.Epoch.ONE_RTT]
        self._loss.on_packet_sent(packet=packet, space=space)
        path.bytes_sent += size
        self._path_mtu.sent(number, size, now + _PATIENCE * self._loss.get_probe_timeout())
        return datagrams[0], path.addr

    def _on_probe_delivery(self, delivery: QuicDeliveryState, number: int) -> None:
        if delivery is not QuicDeliveryState.ACKED:
            self._path_mtu.lost(number)
        elif self._path_mtu.acked(number):
            self._use_size()

    def _use_size(self) -> None:
        size = self._path_mtu.size
        control: Any = self._loss._cc
        if size == BASE:
            if self._doubt:
                self._doubt.settle()
        elif self._doubt is None or self._doubt.control is not control:
            # A peer that has moved has a new one.
            self._doubt = SizeDoubt(control)
        self._max_datagram_size = self._loss._pacer._max_datagram_size = control._max_datagram_size = size
        # No smaller window is ever used (RFC 9002 §7.2).
        control.congestion_window = max(control.congestion_window, 2 * size)

    def _send_probing_frames(self, network_path: QuicNetworkPath, now: float) -> Outgoing:
        # Another path is validated with a datagram that is padded as far as it goes, and of that path nothing is known.
        size, self._max_datagram_size = self._max_datagram_size, BASE
        try:
            datagrams: Outgoing = super()._send_probing_frames(network_path, now)
        finally:
            self._max_datagram_size = size
        return datagrams

    def _parse_transport_parameters(self, data: bytes, from_session_ticket: bool = False) -> None:  # noqa: FBT001, FBT002  the engine's signature
        super()._parse_transport_parameters(data, from_session_ticket)
        most = _parameter(data, _MAX_UDP_PAYLOAD_SIZE)
        if most is not None:
            self._path_mtu.cap(most)


def _parameter(data: bytes, wanted: int) -> int | None:
    """One whole number among the transport parameters, which the engine has found well-formed (RFC 9000 §18)."""
    buffer = Buffer(data=data)
    while not buffer.eof():
        number, length = buffer.pull_uint_var(), buffer.pull_uint_var()
        if number == wanted:
            return int(buffer.pull_uint_var())
        buffer.seek(buffer.tell() + length)
    return None
