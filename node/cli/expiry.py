"""When a key, a token, a peer or a lock ends: a span, a date, or never."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from node.cli.options import EXIT_USAGE, fail

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


def expiry_option(option: str, text: str) -> int | None:
    """What `parse_expiry` makes of this text of an option, from now on. Ends the command on what it refuses."""
    try:
        return parse_expiry(text, datetime.now(UTC))
    except (ExpiryFormatError, OverflowError) as error:
        fail(f"{option} {text}: {error}", EXIT_USAGE)


def span_option(option: str, text: str) -> float:
    """Seconds of the span in this text of an option. Ends the command on anything else."""
    try:
        return parse_span(text).total_seconds()
    except (ExpiryFormatError, OverflowError) as error:
        fail(f"{option} {text}: {error}", EXIT_USAGE)


def end_options(span: str, until: str) -> dict[str, Any]:
    """`--for` or `--until`, as the management commands take an end; empty where neither is given."""
    if span:
        return {"seconds": span_option("--for", span)}
    return {"expires_at": expiry_option("--until", until)} if until else {}


def until_minute(end: float | None) -> str:
    """“2027-01-31 12:00 UTC”, or “never”; `end` is in unix seconds."""
    return "never" if end is None else f"{datetime.fromtimestamp(end, UTC):%Y-%m-%d %H:%M} UTC"


def _end(text: str, now: datetime) -> datetime:
    if _SPAN.fullmatch(text):
        return now + parse_span(text)
    try:
        end = datetime.fromisoformat(text)
    except ValueError:
        raise ExpiryFormatError("expected a span such as 30d or 12h, a date such as 2027-01-31, or never") from None
    return end if end.tzinfo else end.replace(tzinfo=UTC)
