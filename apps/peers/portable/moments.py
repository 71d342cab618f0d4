"""When something ends, as a file says it: ISO 8601 in UTC, to the last digit of what is stored (docs/import.md)."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

NEVER = "never"
_NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?")
_ISO = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)(?:[T ](?P<time>\d\d:\d\d(?::\d\d)?)(?P<part>\.\d{1,400})?(?P<zone>Z|[+-]\d\d:\d\d)?)?",
    re.ASCII,
)


def written(end: float | None) -> str:
    """The text of a moment in unix seconds; `NEVER` of none."""
    if end is None:
        return NEVER
    whole, _, part = format(Decimal(repr(float(end))), "f").partition(".")
    digits = part.rstrip("0")
    return f"{datetime.fromtimestamp(int(whole), UTC):%Y-%m-%dT%H:%M:%S}{'.' if digits else ''}{digits}Z"


def moment(value: Any) -> Any:
    """Unix seconds of what a file says, None of no end. What is no text and no time is left for the services to refuse.

    A time without a zone is in UTC. Raises ValueError.
    """
    if isinstance(value, datetime):
        return value.timestamp() if value.tzinfo else value.replace(tzinfo=UTC).timestamp()
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC).timestamp()
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.lower() in ("", NEVER):
        return None
    return float(text) if _NUMBER.fullmatch(text) else _from_iso(text)


def moments(value: Any) -> Any:
    """The same of each value of a map."""
    return {name: moment(end) for name, end in value.items()} if isinstance(value, Mapping) else value


def _from_iso(text: str) -> float:
    found = _ISO.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        zone = (found["zone"] or "Z").replace("Z", "+00:00")
        whole = datetime.fromisoformat(f"{found['day']}T{found['time'] or '00:00'}{zone}").timestamp()
    except (ValueError, OverflowError):
        raise ValueError("An end is a time such as 2027-01-31T12:00:00Z, or a day.") from None
    return float(f"{int(whole)}{found['part'] or ''}")
