"""Nothing that stands in a journal harms what is kept of it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.activity import services
from apps.activity.models import Event
from apps.activity.records import event_of
from tests.support.journal_records import NOON, Record

HOSTILE = ("\x1b[2J\r\n\0\u202e" * 3, "x" * 10_000_000, "\ud800", "<script>", b"\xff", 5, "", None, [], float("nan"))


@pytest.mark.parametrize("column", ["kind", "boot", "peer_id", "fingerprint", "alpn", "address", "reason"])
def test_a_text_is_one_short_line(column: str) -> None:
    for value in HOSTILE:
        event = event_of("j", Record(1, **{column: value}))
        text = getattr(event, column)
        assert text is None or (isinstance(text, str) and len(text) <= 512 and all(char.isprintable() for char in text))


@pytest.mark.parametrize("at", [float("nan"), float("inf"), 1e300, -1e300, "noon", None, True])
def test_a_time_that_is_none_is_now(at: Any) -> None:
    before = datetime.now(UTC)
    assert before <= event_of("j", Record(1, at=at)).at <= datetime.now(UTC)


def test_a_time_is_kept_as_it_is() -> None:
    assert event_of("j", Record(1, at=NOON)).at.timestamp() == NOON


@pytest.mark.parametrize(
    ("detail", "kept"),
    [
        ({"seconds": 1.5, "code": 0}, {"seconds": 1.5, "code": 0}),
        ({"text": "x" * 10_000_000}, {"too_long": True}),
        ({"n": float("nan")}, {"unreadable": True}),
        ({"o": object()}, {"unreadable": True}),
        ({"s": "\ud800"}, {"s": "\ud800"}),
        ("text", {"unreadable": True}),
        (None, {"unreadable": True}),
    ],
)
def test_a_detail_is_a_small_object(detail: Any, kept: Any) -> None:
    assert event_of("j", Record(1, detail=detail)).detail == kept


def test_a_detail_without_a_bottom_is_not_followed() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert event_of("j", Record(1, detail={"deep": deep})).detail == {"unreadable": True}


@pytest.mark.django_db
def test_an_event_of_a_kind_from_the_future_is_kept_as_it_is() -> None:
    services.import_batch("j", [Record(1, kind="teleported", connection=3, peer_id="a")], oldest=1)
    assert Event.objects.get().kind == "teleported"


_anything = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.lists(st.text()))


@pytest.mark.django_db
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_row_at_all_can_be_kept(data: st.DataObject) -> None:
    columns = ("at", "boot", "kind", "connection", "peer_id", "fingerprint", "alpn", "address", "reason", "detail")
    record = Record(1, **{column: data.draw(_anything, label=column) for column in columns})
    Event.objects.all().delete()
    event = event_of("j", record)
    event.save()
    event.refresh_from_db()
