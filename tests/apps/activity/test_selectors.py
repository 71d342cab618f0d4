"""What pages ask of what happened and of who is connected."""

import socket
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.conf import settings

from apps.activity import over_time, selectors, services
from apps.activity.filters import EventFilters
from apps.activity.models import Event
from apps.activity.selectors import EnforcementFigures, PeerPresence
from tests.support.journal_records import NOON, Story

pytestmark = pytest.mark.django_db
START = datetime.fromtimestamp(NOON, UTC)


@pytest.fixture
def told() -> list[Event]:
    """Of three peers and a stranger, with all kinds of events."""
    story = Story()
    records = [story.tell("started")]
    for number in range(1, 31):
        peer = (None, "a", "b", "c")[number % 4]
        records += [
            story.connected(number, peer, alpn="alknet/call" if number % 2 else "h3"),
            story.tell("denied", number, peer),
            story.tell("enforced", detail={"milliseconds": float(number)}),
        ]
        if number % 3:
            records.append(story.closed(number, peer))
    return services.import_batch("j", records, oldest=1)


FILTERS = [
    EventFilters(),
    EventFilters(kinds=("denied",)),
    EventFilters(kinds=("denied", "closed", "closed", "no such kind")),
    EventFilters(peer_id="a"),
    EventFilters(peer_id="a", kinds=("connected",)),
    EventFilters(alpn="h3"),
    EventFilters(alpn="h3", kinds=("connected", "closed"), peer_id="b"),
    EventFilters(connection=7),
    EventFilters(connection=7, boot="a" * 16),
    EventFilters(connection=7, boot="none"),
    EventFilters(since=START + timedelta(seconds=20)),
    EventFilters(until=START + timedelta(seconds=40), kinds=("denied", "enforced")),
    EventFilters(since=START + timedelta(seconds=20), until=START + timedelta(seconds=21)),
    EventFilters(since=START + timedelta(days=1)),
]


@pytest.mark.parametrize("filters", FILTERS)
def test_pages_hold_what_a_plain_look_at_every_event_finds(told: list[Event], filters: EventFilters) -> None:
    wanted = [event.pk for event in reversed(told) if filters.takes(event)]
    found: list[int] = []
    while page := selectors.events(filters, before=found[-1] if found else None, limit=7):
        assert len(page) <= 7
        found += [event.pk for event in page]
    assert found == wanted


@pytest.mark.parametrize("filters", FILTERS)
def test_those_who_ask_again_get_what_came_since(told: list[Event], filters: EventFilters) -> None:
    after = told[40].pk
    wanted = [event.pk for event in told if event.pk > after and filters.takes(event)]
    assert [event.pk for event in selectors.events_after(filters, after)] == wanted


def test_a_clock_that_was_set_back_hides_nothing(told: list[Event]) -> None:
    early = Story(first=1000, at=NOON - 3600)
    services.import_batch("j", [early.tell("limited"), early.tell("limited")], oldest=1)
    late = Story(first=2000, at=NOON + 3600)
    services.import_batch("j", [late.tell("limited")], oldest=1)
    for filters in (
        EventFilters(since=START),
        EventFilters(until=START),
        EventFilters(since=START, kinds=("limited",)),
    ):
        wanted = [event.pk for event in Event.objects.all() if filters.takes(event)]
        assert [event.pk for event in selectors.events(filters, limit=1000)] == wanted


def test_limits_are_kept(told: list[Event]) -> None:
    assert selectors.events(EventFilters(), limit=-1) == []
    assert selectors.events(EventFilters(), limit=0) == []
    assert selectors.event(told[3].pk) == told[3]
    assert selectors.event(0) is None
    assert selectors.newest_id() == told[-1].pk


@pytest.mark.usefixtures("running_node")
def test_presence_is_what_is_open_and_what_was_last(told: list[Event]) -> None:
    found = selectors.presence(["a", "b", "nobody"])
    assert found["nobody"] == PeerPresence()
    assert found["a"].connected == 2  # 9 and 21, which did not close
    assert found["a"].alpns == ("alknet/call",)
    assert found["b"].alpns == ("h3",)
    assert found["b"].last_seen == max(event.at for event in told if event.peer_id == "b" and event.kind != "denied")
    assert selectors.connected_peers() == 3
    open_now = selectors.open_connections()
    assert [row.connection for row in open_now] == [30, 27, 24, 21, 18, 15, 12, 9, 6, 3]
    assert [row.connection for row in selectors.open_connections(peer_id="a")] == [21, 9]
    assert selectors.node_sign() == selectors.NodeSign(runs=True, last_event=told[-1].at)


@pytest.mark.usefixtures("running_node", "told")
def test_the_connections_of_a_peer_are_counted_whatever_they_speak() -> None:
    story = Story(boot="c" * 16, first=5000, at=NOON + 7200)
    alpns = ["h3", "alknet/call", None]
    records = [story.connected(number, "busy", alpn=alpns[number % 3]) for number in range(100)]
    services.import_batch("j", records, oldest=1)
    found = selectors.presence(["busy"])["busy"]
    assert (found.connected, found.alpns) == (100, ("alknet/call", "h3"))


def test_while_the_node_does_not_run_nobody_is_connected(told: list[Event]) -> None:
    found = selectors.presence(["a"])["a"]
    assert (found.connected, found.alpns) == (0, ())
    assert found.last_seen is not None
    assert selectors.open_connections() == []
    assert selectors.connected_peers() == 0
    assert selectors.node_sign() == selectors.NodeSign(runs=False, last_event=told[-1].at)


def test_what_a_dead_node_left_is_no_running_one(told: list[Event]) -> None:
    path = settings.PATHS.control_socket
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    try:
        assert not selectors.node_sign().runs
    finally:
        path.unlink()


def test_the_stopwatch_has_the_last_the_median_and_the_worst(told: list[Event]) -> None:
    assert selectors.enforcement_figures(START) == EnforcementFigures(count=30, last=30.0, p50=15.0, p99=30.0)
    assert selectors.enforcement_figures(START + timedelta(days=1)) == EnforcementFigures()
    services.import_batch(
        "j", [Story(first=900, at=NOON + 900).tell("enforced", detail={"milliseconds": "x"})], oldest=1
    )
    assert selectors.enforcement_figures(START).count == 30


def test_counts_over_time_add_up(told: list[Event]) -> None:
    counts = over_time.counts_over_time(
        ["connected", "closed", "never"], START, timedelta(seconds=10), START + timedelta(seconds=200)
    )
    assert {len(steps) for steps in counts.values()} == {20}
    assert [sum(counts[kind]) for kind in ("connected", "closed", "never")] == [30, 20, 0]
    firsts = [sum(event.kind == "connected" and event.at < START + timedelta(seconds=10) for event in told)]
    assert counts["connected"][:1] == firsts


def test_more_steps_than_a_page_can_show_are_not_counted() -> None:
    counts = over_time.counts_over_time(["closed"], START, timedelta(seconds=1), START + timedelta(days=1))
    assert len(counts["closed"]) == over_time.MAX_STEPS
    assert over_time.counts_over_time(["closed"], START, timedelta(seconds=1), START)["closed"] == []
    with pytest.raises(ValueError, match="longer than nothing"):
        over_time.counts_over_time(["closed"], START, timedelta(0))


def test_lists_are_newest_first(told: list[Event]) -> None:
    assert all(later.pk > earlier.pk for later, earlier in pairwise(selectors.events(EventFilters(), limit=100)))


def test_a_journal_of_countless_kinds_is_listed_all_the_same() -> None:
    story = Story()
    services.import_batch("j", [story.tell(f"kind {n}", n, "a") for n in range(selectors.MAX_KINDS + 5)], oldest=1)
    assert [event.connection for event in selectors.events(EventFilters(peer_id="a"), limit=3)] == [44, 43, 42]


def test_counts_begin_where_they_are_asked_to(told: list[Event]) -> None:
    since = START + timedelta(seconds=7.5)
    counts = over_time.counts_over_time(["enforced"], since, timedelta(seconds=30), START + timedelta(seconds=300))
    wanted = [event for event in told if event.kind == "enforced" and event.at >= since]
    assert sum(counts["enforced"]) == len(wanted)
