"""What is counted beforehand comes to the same as looking at every event, and levels to who was connected when."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from apps.activity import over_time, services, tallies
from apps.activity.models import Connection, Event, PeerTally, Tally
from apps.activity.over_time import counts_over_time, peers_over_time
from apps.activity.services import Retention
from tests.support.happenings import imported
from tests.support.journal_records import NOON, Record, Story

START = datetime.fromtimestamp(NOON, UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
KINDS = ["connected", "closed", "refused", "stopped"]

happening = st.tuples(
    st.sampled_from(["connected", "connected", "closed", "refused", "stopped", "new life"]),
    st.integers(1, 4),
    st.sampled_from(["a", "b", "c", None]),
    st.sampled_from([1.0, 50.0, 4_000.0, -70.0]),
)


def told(happenings: Sequence[tuple[str, int, str | None, float]]) -> list[Record]:
    life, at, records = 0, NOON, []
    for number, (kind, connection, peer, later) in enumerate(happenings, 1):
        at += later
        life += kind == "new life"
        records.append(Record(number, at, f"life {life}", kind, connection, peer))
    return records


@pytest.fixture
def minutes_of_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """Minutes are kept for as long ago as these tests tell of."""
    monkeypatch.setattr(tallies, "MINUTES_KEPT", timedelta(days=9_999))


class TestSame(TestCase):
    @settings(max_examples=25, suppress_health_check=list(HealthCheck))
    @given(st.lists(happening, max_size=25), st.integers(1, 25))
    @example([("connected", 1, "a", 1.0), ("connected", 1, "a", 1.0), ("closed", 1, "a", 1.0)], 1)
    @example([("connected", 1, "a", 1.0), ("connected", 1, "b", 1.0), ("new life", 1, None, 4000.0)], 2)
    def test_counts_and_levels_are_what_a_look_at_every_event_gives(
        self, happenings: list[tuple[str, int, str | None, float]], page: int
    ) -> None:
        records, levels = told(happenings), [(NOON - 1, 0)]
        for place in range(0, len(records), page):
            imported(records[place : place + page])
        alone = _crowd_of_each(records)
        levels += alone

        for step, count in ((HOUR, 31), (timedelta(hours=3), 11)):
            since = START - HOUR
            direct = over_time._counted(since, step.total_seconds(), count)
            given_ = counts_over_time([*KINDS, "new life"], since, step, since + count * step)
            assert {(kind, place): n for kind, ns in given_.items() for place, n in enumerate(ns) if n} == {
                (kind, place): n for kind, place, n in direct if place < count
            }
        connected = Connection.objects.exclude(peer_id=None).values("peer_id").distinct().count()
        assert connected == levels[-1][1]
        for span in (tallies.MINUTE, tallies.HOUR):
            kept = {row.start: (row.most, row.last) for row in PeerTally.objects.filter(span=span)}
            assert kept == _by_span(alone, span)


def _crowd_of_each(records: list[Record]) -> list[tuple[float, int]]:
    """Each change of the number of peers, by a set of all open connections: slow, and plain."""
    open_: dict[tuple[str, int], str | None] = {}
    found: list[tuple[float, int]] = []
    boot, at, before = "", None, 0

    def note(when: float) -> None:
        nonlocal before
        peers = len({peer for peer in open_.values() if peer})
        if peers != before:
            found.append((when, peers))
        before = peers

    for record in records:
        if record.boot != boot:
            open_.clear()
            note(record.at if at is None else at)
        boot, at = record.boot, record.at
        if record.kind == "connected":
            open_[record.boot, record.connection] = record.peer_id
        elif record.kind == "closed":
            open_.pop((record.boot, record.connection), None)
        elif record.kind == "stopped":
            open_.clear()
        note(record.at)
    return found


def _by_span(levels: list[tuple[float, int]], span: int) -> dict[int, tuple[int, int]]:
    rows: dict[int, tuple[int, int]] = {}
    for at, peers in levels:
        start = int(at) // span * span
        rows[start] = (max(peers, rows.get(start, (0, 0))[0]), peers)
    return rows


@pytest.mark.django_db
@pytest.mark.usefixtures("running_node", "minutes_of_old")
def test_a_level_holds_until_the_next_and_a_peak_shows_in_its_step() -> None:
    def at(minutes: float, kind: str, connection: int, peer: str) -> Record:
        return Record(int(minutes * 10), NOON + 60 * minutes, "life", kind, connection, peer)

    imported([at(1, "connected", 1, "a"), at(3.1, "connected", 2, "b"), at(3.2, "connected", 3, "b")])
    imported(
        [at(3.3, "closed", 2, "b"), at(3.4, "closed", 3, "b"), at(5, "connected", 4, None), at(6, "stopped", 0, "")]
    )
    assert peers_over_time(START, MINUTE, 9) == [0, 1, 1, 2, 1, 1, 1, 0, 0]
    assert peers_over_time(START + 2 * MINUTE, 2 * MINUTE, 3) == [2, 1, 1]
    assert peers_over_time(START, HOUR, 2) == [2, 0]
    with pytest.raises(ValueError, match="whole"):
        peers_over_time(START, timedelta(seconds=61), 1)


@pytest.mark.django_db
def test_after_the_last_word_of_a_node_that_does_not_run_nobody_was_connected() -> None:
    imported([Story(at=NOON).connected(1, "a")])
    assert peers_over_time(START - HOUR, HOUR, 4) == [0, 1, 0, 0]
    assert peers_over_time(START + HOUR, HOUR, 2) == [0, 0]


@pytest.mark.django_db
@pytest.mark.usefixtures("running_node")
def test_what_is_forgotten_takes_no_level_and_no_other_count_with_it() -> None:
    at = timezone.now()
    hour = datetime.fromtimestamp(at.timestamp() // 3600 * 3600, UTC)
    imported([Story(at=(at - timedelta(days=4)).timestamp()).connected(1, "a")])
    imported([Story(first=9, at=(at - timedelta(days=3)).timestamp()).tell("refused")])
    services.prune(Retention(1, at - timedelta(days=3, hours=2)))

    assert Event.objects.count() == 1
    assert not Tally.objects.filter(span=tallies.MINUTE).exists()
    counts = counts_over_time(["connected", "refused"], hour - timedelta(days=5), HOUR)
    assert (sum(counts["connected"]), sum(counts["refused"])) == (0, 1)
    minute = datetime.fromtimestamp(at.timestamp() // 60 * 60, UTC)
    assert peers_over_time(minute - 5 * MINUTE, MINUTE, 6) == [1] * 6
    assert peers_over_time(hour - HOUR, HOUR, 2) == [1, 1]


@pytest.mark.django_db
def test_events_that_had_to_go_because_they_were_too_many_stay_counted() -> None:
    story = Story()
    imported(story.tell("refused") for _ in range(20))
    services.prune(Retention(5, START - HOUR))
    assert Event.objects.count() == 5
    assert counts_over_time(["refused"], START, HOUR, START + HOUR) == {"refused": [20]}


@pytest.mark.django_db
def test_a_batch_that_is_known_already_is_counted_once() -> None:
    records = [Story().tell("refused")]
    imported(records)
    imported(records)
    assert counts_over_time(["refused"], START, HOUR, START + HOUR) == {"refused": [1]}
