"""When an API key ends."""

from datetime import UTC, datetime, timedelta

import pytest

from node.cli.expiry import ExpiryFormatError, parse_expiry

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("90m", NOW + timedelta(minutes=90)),
        ("12h", NOW + timedelta(hours=12)),
        ("30d", NOW + timedelta(days=30)),
        ("2w", NOW + timedelta(weeks=2)),
        ("2027-01-31", datetime(2027, 1, 31, tzinfo=UTC)),
        ("2027-01-31T12:00+02:00", datetime(2027, 1, 31, 10, tzinfo=UTC)),
    ],
)
def test_spans_and_dates(text: str, end: datetime) -> None:
    assert parse_expiry(text, NOW) == int(end.timestamp())


def test_never() -> None:
    assert parse_expiry("never", NOW) is None


@pytest.mark.parametrize("text", ["", "0d", "-1d", "1y", "d", "tomorrow", "2026-05-31", "2026-13-01", "100000d"])
def test_anything_else_and_the_past_are_refused(text: str) -> None:
    with pytest.raises(ExpiryFormatError):
        parse_expiry(text, NOW)
