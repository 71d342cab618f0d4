"""What goes into the tables in one statement a batch is what Django would have put there."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from apps.activity.models import Connection, Event, Presence
from apps.activity.records import event_of
from apps.activity.writing import encoded, insert_connections, insert_events, upsert_presence
from tests.support.journal_records import Record

NOON = datetime(2025, 11, 27, 12, tzinfo=UTC)
TEXTS = st.none() | st.text(max_size=20)
NUMBERS = st.none() | st.integers(-(2**63), 2**63 - 1)
DETAILS = st.dictionaries(
    st.text(max_size=5), st.none() | st.booleans() | st.floats() | st.text(max_size=5), max_size=3
)
RECORDS = st.builds(
    Record,
    number=st.just(0),
    at=st.floats(0, 4e9),
    connection=NUMBERS,
    peer_id=TEXTS,
    alpn=TEXTS,
    reason=TEXTS,
    detail=DETAILS,
)


def values(event: Event) -> dict[str, Any]:
    """All but what tells the two writings apart."""
    names = {field.attname for field in Event._meta.concrete_fields} - {"id", "journal", "number"}
    return {name: getattr(event, name) for name in names}


class TestInsert(TestCase):
    @settings(max_examples=40)
    @given(st.lists(RECORDS, min_size=1, max_size=4))
    def test_events_are_as_django_writes_and_reads_them(self, records: list[Record]) -> None:
        events = [event_of("one", record) for record in records]
        others = [event_of("other", record) for record in records]
        for number, event in enumerate((*events, *others)):
            event.number = number
        insert_events(events, map(encoded, events))
        Event.objects.bulk_create(others)
        kept, known = Event.objects.filter(journal="one").order_by("pk"), Event.objects.filter(journal="other")
        assert [event.pk for event in kept] == [event.pk for event in events]
        for mine, theirs in zip(kept, known.order_by("pk"), strict=True):
            assert values(mine) == values(theirs)


@pytest.mark.django_db
def test_connections_and_presence_are_kept_and_renewed() -> None:
    event = event_of("one", Record(1, boot="b", connection=7, peer_id="a", alpn="h3", address=None))
    insert_connections([event])
    [row] = Connection.objects.all()
    assert (row.boot, row.connection, row.peer_id, row.alpn, row.address) == ("b", 7, "a", "h3", None)
    assert row.since == event.at

    upsert_presence([("a", NOON, "192.0.2.1:1", "h3"), ("b", NOON + timedelta(microseconds=1), None, None)])
    upsert_presence([("a", NOON - timedelta(hours=1), "", None), ("b", NOON, "192.0.2.2:2", "alknet/call")])
    found = {row.peer_id: (row.last_seen, row.last_address, row.last_alpn) for row in Presence.objects.all()}
    assert found == {
        "a": (NOON, "192.0.2.1:1", "h3"),
        "b": (NOON + timedelta(microseconds=1), "192.0.2.2:2", "alknet/call"),
    }
