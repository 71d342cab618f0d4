"""When an API key ends: a span, a date, or never."""

import re
from datetime import UTC, datetime, timedelta

_SPAN = re.compile(r"([1-9][0-9]{0,4})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


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


def _end(text: str, now: datetime) -> datetime:
    if span := _SPAN.fullmatch(text):
        return now + timedelta(**{_UNITS[span[2]]: int(span[1])})
    try:
        end = datetime.fromisoformat(text)
    except ValueError:
        raise ExpiryFormatError("expected a span such as 30d or 12h, a date such as 2027-01-31, or never") from None
    return end if end.tzinfo else end.replace(tzinfo=UTC)
