"""How invitations and claims read in the panel."""

from datetime import UTC, datetime


def moment_words(at: float) -> str:
    """“2027-01-31 12:00 UTC”."""
    try:
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, OSError, ValueError):
        return f"{at} (unix seconds)"
