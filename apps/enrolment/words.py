"""How invitations and claims read in the panel."""

from datetime import UTC, datetime

from apps.activity.words import duration
from apps.enrolment.selectors import InviteFacts
from node.core.peers import InvalidPeer


def moment_words(at: float) -> str:
    """“2027-01-31 12:00 UTC”."""
    try:
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, OSError, ValueError):
        return f"{at} (unix seconds)"


def peer_end_words(facts: InviteFacts) -> str:
    """“30 d after admission”, a moment, or “never”: when the peers that come of an invitation end."""
    if facts.peer_seconds is not None:
        return f"{duration(facts.peer_seconds)} after admission"
    return "never" if facts.peer_expires_at is None else moment_words(facts.peer_expires_at)


def refusal_words(error: Exception) -> str:
    """Why nobody was admitted, without the names of fields, which the pages do not have."""
    if isinstance(error, InvalidPeer):
        return " ".join(text for texts in error.errors.values() for text in texts)
    return str(error)
