"""When an API key or a lock ends: a span, a date, or never."""

import re
from datetime import UTC, datetime, timedelta

_SPAN = re.compile(r"([1-9][0-9]{0,4})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class ExpiryFormatError(ValueError):
    """The text names no time to come."""


def parse_expiry(text: str, now: datetime) -> int | None:
    """Unix seconds of "30d", "12h", "2027-01-31" or "2027-01-31T12:00+01:00"; None for "never".

    A date without a zone is in UTC. Raises ExpiryFormatError on anything else, and on a time that has passed.
    """
    if text == "never":
        return None
    end = _end(text, now)
    if end <= now:
        raise ExpiryFormatError("that time has passed")
    return int(end.timestamp())


def parse_span(text: str) -> timedelta:
    """How long "90s", "30m", "2h", "7d" or "1w" is. Raises ExpiryFormatError on anything else."""
    span = _SPAN.fullmatch(text)
    if span is None:
        raise ExpiryFormatError("expected a span such as 30m, 2h or 7d")
    return timedelta(**{_UNITS[span[2]]: int(span[1])})


def _end(text: str, now: datetime) -> datetime:
    if _SPAN.fullmatch(text):
        return now + parse_span(text)
    try:
        end = datetime.fromisoformat(text)
    except ValueError:
        raise ExpiryFormatError("expected a span such as 30d or 12h, a date such as 2027-01-31, or never") from None
    return end if end.tzinfo else end.replace(tzinfo=UTC)
