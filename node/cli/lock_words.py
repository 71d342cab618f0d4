"""How the commands show a lock, which is JSON of the management command."""

from datetime import UTC, datetime
from typing import Any

SHORT_ID = 8
"""Characters of an id that people are shown. `alknet unlock` takes any beginning that only one lock has."""


def what_words(lock: dict[str, Any]) -> str:
    """What it holds: “peer ann”."""
    return f"{lock['target_kind']} {lock['target']}".strip()


def until_words(lock: dict[str, Any]) -> str:
    """“until 2027-01-31 12:00:00 UTC”, or that it has no end."""
    end = lock["expires_at"]
    return "until it is unlocked" if end is None else f"until {moment(end)}"


def moment(seconds: float) -> str:
    """Unix seconds as a date in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
