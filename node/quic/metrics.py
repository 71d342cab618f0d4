"""What an endpoint did with those who knocked. Counters only: none is kept per peer, so none grows under attack."""

from collections import Counter
from dataclasses import dataclass, field, fields
from enum import StrEnum

from node.core.metrics import counters


class Refusal(StrEnum):
    """Why a new connection was refused."""

    CLOSING = "closing"
    """The listener takes no more connections."""
    FILTER = "filter"
    """The filter said so, or raised."""
    TOTAL = "total"
    """`quic.max_connections` are open."""
    HALF_OPEN = "half_open"
    """`quic.max_half_open` handshakes are under way."""
    ADDRESS = "address"
    """`quic.max_connections_per_address` come from this address."""
    HALF_OPEN_ADDRESS = "half_open_address"
    """`quic.max_half_open_per_address` handshakes of this address are under way."""
    RATE = "rate"
    """This address, which is proven, has begun `quic.handshakes_per_second` in this second."""
    TOKEN = "token"  # noqa: S105  a word of RFC 9000 §8.1, no secret
    """A Retry token that is not ours, too old, or of another address."""


class Failure(StrEnum):
    """Why a handshake that began was not completed."""

    NO_PROTOCOL = "no_protocol"
    """The client offers no protocol (ALPN) that is served here."""
    TIMEOUT = "timeout"
    """It took longer than `quic.handshake_timeout`."""
    LEFT = "left"
    """The client gave it up, be it that it did not like our key."""
    BROKEN = "broken"
    """The client broke TLS or QUIC, or has nothing in common with us that both take."""
    STOPPED = "stopped"
    """It was ended here: the node is ending, or the address had too many connections by then."""


_BY_REASON = ("refused", "failed")

_REFUSED = {
    Refusal.CLOSING: "the node is ending",
    Refusal.FILTER: "the filter said so",
    Refusal.TOTAL: "`quic.max_connections` were open",
    Refusal.HALF_OPEN: "`quic.max_half_open` handshakes were under way",
    Refusal.ADDRESS: "`quic.max_connections_per_address` came from one address",
    Refusal.HALF_OPEN_ADDRESS: "`quic.max_half_open_per_address` handshakes of one address were under way",
    Refusal.RATE: "one address began `quic.handshakes_per_second` in a second",
    Refusal.TOKEN: "a Retry token was not ours, too old, or of another address",
}
_FAILED = {
    Failure.NO_PROTOCOL: "the client offered no protocol that is served here",
    Failure.TIMEOUT: "they took longer than `quic.handshake_timeout`",
    Failure.LEFT: "the client gave up",
    Failure.BROKEN: "the client broke TLS or QUIC, or had nothing in common with us",
    Failure.STOPPED: "they were ended here",
}
MEANINGS = {
    **counters(
        unanswered="Of the refused connections, those that were not told.",
        retried="Retry packets sent: clients that had to prove their address.",
        ignored="First packets that the filter had dropped without an answer.",
        undecryptable="First packets that could not be decrypted.",
        resets="Stateless resets sent.",
        floods="Connections closed since their peer broke a bound of the engine's guard.",
        strangers_dropped="Datagrams dropped since their address had sent `quic.strangers_per_second` before.",
        unfinished="Handshakes that began and were not completed.",
        moved="Changes of a peer's address that the peer has proven.",
        moves_dropped="Datagrams dropped since their peer had claimed another address too often.",
    ),
    **counters(**{f"refused_{reason}": f"Connections refused since {text}." for reason, text in _REFUSED.items()}),
    **counters(**{f"failed_{reason}": f"Handshakes not completed since {text}." for reason, text in _FAILED.items()}),
}


@dataclass(slots=True)
class QuicMetrics:
    """Counts since the listener was bound."""

    refused: Counter[Refusal] = field(default_factory=Counter)
    failed: Counter[Failure] = field(default_factory=Counter)
    """Handshakes that began and were not completed, by why. `unfinished` is their sum."""
    unanswered: int = 0
    """Of those refused, how many were not told, since too many were refused at once."""
    retried: int = 0
    """Retry packets sent."""
    ignored: int = 0
    """Initials that the filter had dropped without an answer."""
    undecryptable: int = 0
    """Initials that could not be decrypted."""
    resets: int = 0
    """Stateless resets sent."""
    floods: int = 0
    """Connections closed since their peer broke a bound of `guard.py`."""
    strangers_dropped: int = 0
    """Datagrams dropped since `quic.strangers_per_second` came from their address before."""
    unfinished: int = 0
    """Handshakes that began and were not completed, be it that the client left, failed or fell silent."""
    moved: int = 0
    """Changes of a peer's address that the peer has proven."""
    moves_dropped: int = 0
    """Datagrams dropped since their peer had claimed another address too often."""

    def snapshot(self) -> dict[str, int]:
        """Every count by name, as a metrics page would show it."""
        counts = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in _BY_REASON}
        refused = {f"refused_{reason}": self.refused[reason] for reason in Refusal}
        return counts | refused | {f"failed_{reason}": self.failed[reason] for reason in Failure}

    def denials(self) -> dict[str, int]:
        """Connections that were refused, by reason."""
        return {reason.value: self.refused[reason] for reason in Refusal}

    def troubles(self) -> dict[str, int]:
        """Those counts that stand for somebody who was turned away."""
        return {name: count for name, count in self.snapshot().items() if name != "moved"}
