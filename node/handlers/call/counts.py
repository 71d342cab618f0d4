"""What the bounds of calls have done, since the start and over all connections."""

from dataclasses import asdict, dataclass

from node.core.metrics import counters

MEANINGS = counters(
    waited="Large requests that waited for room before they were read.",
    wait_timeouts="Of those, requests refused after `call.stall_timeout`.",
    refused_frames="Frames refused at once, as there was no room for them.",
    refused_requests="Requests beyond `call.max_in_flight` on the only stream of a connection.",
    refused_subscriptions="Subscriptions beyond `call.max_subscriptions`.",
    held_back="Requests that began later, as answers before them were not read.",
    unread_timeouts="Of those, requests refused after `call.stall_timeout`.",
    refused_answers="Answers given up, as too much before them was not read.",
    stalled="Frames that stopped in the middle, and whose streams were given up.",
)


@dataclass(slots=True)
class CallCounts:
    """Each only grows."""

    waited: int = 0
    """Large requests that waited for room before they were read."""
    wait_timeouts: int = 0
    """Of those, how many waited for longer than `call.stall_timeout`, and were refused."""
    refused_frames: int = 0
    """Frames that were refused at once, as there was no room for them."""
    refused_requests: int = 0
    """Requests beyond `call.max_in_flight` on the only stream of a connection."""
    refused_subscriptions: int = 0
    """Subscriptions beyond `call.max_subscriptions`."""
    held_back: int = 0
    """Requests that began later, as answers before them were not read."""
    unread_timeouts: int = 0
    """Of those, how many were refused after `call.stall_timeout`."""
    refused_answers: int = 0
    """Answers that were given up, as too much before them was not read."""
    stalled: int = 0
    """Frames that stopped in the middle, read or written, and whose streams were given up."""

    def snapshot(self) -> dict[str, int]:
        return asdict(self)
