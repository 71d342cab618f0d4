"""The last words of a connection, for a peer that has not heard them."""

from node.quic.udp.socket import Batch


class Farewell:
    """What closed a connection: said again to a peer that still talks, but ever more rarely (RFC 9000 §10.2.1)."""

    __slots__ = ("_knocks", "_words")

    def __init__(self, words: Batch) -> None:
        self._words = words
        self._knocks = 0

    def again(self) -> Batch:
        """What answers one more datagram of the peer: all of it to the first, second, fourth and so on, or nothing."""
        self._knocks += 1
        return [] if self._knocks & (self._knocks - 1) else self._words
