"""Times that callers send."""

from datetime import UTC, datetime

from apps.rest.problems import Refused

TIME = "ISO 8601; UTC where it names no zone."
"""What the schema says of one."""


def in_utc(moment: datetime | None) -> datetime | None:
    """The moment; one that names no zone is UTC. Raises Refused where that falls out of the calendar."""
    try:
        return moment and (moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC))
    except OverflowError:
        raise Refused(422, "A time is of the years 1 to 9999, in UTC.") from None
