"""What can be seen of QUIC from outside: the packets of a handshake, as the engine's own parser finds them."""

from aioquic._buffer import Buffer
from aioquic.quic.packet import QuicHeader, QuicPacketType, pull_quic_header

from tests.support.lossy import LossyProxy


def packets(datagram: bytes) -> list[QuicHeader]:
    """The headers in one datagram, up to the first that cannot be read or that has no length."""
    found: list[QuicHeader] = []
    rest = datagram
    while rest:
        try:
            header = pull_quic_header(Buffer(data=rest), host_cid_length=8)
        except ValueError:
            break
        found.append(header)
        rest = rest[header.packet_length :]
    return found


class Capture:
    """Everything that came into a proxy, and the bytes that came out of it. True is the way to the server."""

    def __init__(self, proxy: LossyProxy) -> None:
        self.headers: dict[bool, list[QuicHeader]] = {True: [], False: []}
        self.bytes_sent = {True: 0, False: 0}
        self.bytes_delivered = {True: 0, False: 0}
        proxy.watch, proxy.delivered = self._watch, self._delivered

    def count(self, kind: QuicPacketType, *, to_server: bool) -> int:
        return sum(header.packet_type is kind for header in self.headers[to_server])

    def tokens(self) -> set[bytes]:
        """What the client's Initials carried, where they carried any."""
        return {header.token for header in self.headers[True] if header.packet_type is QuicPacketType.INITIAL} - {b""}

    def _watch(self, to_server: bool, data: bytes) -> None:
        self.bytes_sent[to_server] += len(data)
        if data[0] & 0x80:
            self.headers[to_server] += packets(data)

    def _delivered(self, to_server: bool, data: bytes) -> None:
        self.bytes_delivered[to_server] += len(data)
