"""A UDP socket whose datagrams go through a relay, each in an envelope that names where it is going."""

from typing import Protocol

from node.quic.udp.options import new_socket
from node.quic.udp.socket import Batch, Target, UdpSocket


class Envelope(Protocol):
    """How a relay wants its datagrams."""

    def wrap(self, data: bytes) -> bytes: ...

    def unwrap(self, data: bytes) -> bytes | None:
        """What is inside; None where it is none of ours."""
        ...


class RelayedSocket(UdpSocket):
    """Connected to the relay, which stands for the peer: one connection goes to one peer only."""

    def __init__(self, relay: Target, envelope: Envelope) -> None:
        """Raises OSError where there is no route to the relay."""
        sock = new_socket(relay.family)
        try:
            sock.connect(relay.address)
        except OSError:
            sock.close()
            raise
        super().__init__(sock)
        self._peer = sock.getpeername()
        self._envelope = envelope
        # What is whole as far as the relay may be fragmented behind it, so no size beyond the first is tried.
        self.keeps_whole = False

    def send_all(self, datagrams: Batch) -> None:
        super().send_all([(self._envelope.wrap(data), address) for data, address in datagrams])

    def _read_batch(self) -> tuple[Batch, OSError | None]:
        batch, error = super()._read_batch()
        opened = ((self._envelope.unwrap(data), address) for data, address in batch)
        return [(data, address) for data, address in opened if data is not None], error
