"""Notices a path that lets only small datagrams through any more (RFC 8899 §4.3), while those are still acknowledged.

Probe time-outs do not tell it then: each small packet that is acknowledged, be it the last bytes of a frame or a new
limit, begins their count anew.
"""

from collections.abc import Iterable
from typing import Any

from aioquic.quic.packet_builder import QuicSentPacket

from node.quic.engine.pmtud import BASE

ROUNDS = 3
"""Losses of large packets one after the other, with none acknowledged in between, that make us doubt the size."""


class SizeDoubt:
    """Listens in on one congestion control: to its losses always, to acknowledgements only while in doubt."""

    __slots__ = ("_on_acked", "_on_lost", "control", "rounds")

    def __init__(self, control: Any) -> None:
        self.control = control
        self._on_acked = control.on_packet_acked
        self._on_lost = control.on_packets_lost
        self.rounds = 0
        control.on_packets_lost = self._lost

    def settle(self) -> None:
        """The size is found to pass after all, or is given up."""
        if self.rounds:
            self.rounds = 0
            del self.control.on_packet_acked

    def _lost(self, *, now: float, packets: Iterable[QuicSentPacket]) -> None:
        lost = tuple(packets)
        if any(packet.sent_bytes > BASE for packet in lost):
            if not self.rounds:
                self.control.on_packet_acked = self._acked
            self.rounds += 1
        self._on_lost(now=now, packets=lost)

    def _acked(self, *, now: float, packet: QuicSentPacket) -> None:
        if packet.sent_bytes > BASE:
            self.settle()
        self._on_acked(now=now, packet=packet)
