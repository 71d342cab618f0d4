"""Each event of a journal is taken once, and who is connected follows from them."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, transaction

from apps.activity import services
from apps.activity.models import Connection, Event, PeerTally, Position, Presence
from apps.activity.services import Retention
from apps.peers import services as peers
from node.core.peers import PeerEntry
from tests.support.journal_records import NOON, Record, Story
from tests.support.panel import ALICE

JOURNAL = "0" * 32
OTHER = "1" * 32
pytestmark = pytest.mark.django_db


def take(*records: Record, journal: str = JOURNAL, oldest: int | None = None) -> list[Event]:
    return services.import_batch(journal, records, oldest=records[0].number if oldest is None else oldest)


def kinds() -> list[str]:
    return list(Event.objects.order_by("id").values_list("kind", flat=True))


def connected() -> list[tuple[str, int]]:
    return sorted(Connection.objects.values_list("boot", "connection"))


def seen(peer_id: str) -> float:
    return Presence.objects.get(pk=peer_id).last_seen.timestamp()


def levels() -> list[int]:
    """How many peers were connected at most, and at last."""
    row = PeerTally.objects.filter(span=3600).latest("start")
    return [row.most, row.last]


def test_a_batch_that_comes_twice_is_taken_once() -> None:
    story = Story()
    first, second, third = story.connected(1, "a"), story.connected(2, "b"), story.closed(1, "a")

    assert [event.number for event in take(first, second)] == [1, 2]
    assert take(first, second) == []
    assert [event.number for event in take(second, third)] == [3]

    assert kinds() == ["connected", "connected", "closed"]
    assert services.position_of(JOURNAL) == 3
    assert connected() == [(story.boot, 2)]


def test_what_is_taken_has_its_id() -> None:
    story = Story()
    taken = take(*[story.connected(number, f"p{number}") for number in range(1, 300)])
    assert [event.pk for event in taken] == list(Event.objects.order_by("id").values_list("id", flat=True))


def test_nothing_is_kept_of_a_batch_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise DatabaseError("disk full")

    monkeypatch.setattr(services, "_move", fail)
    with pytest.raises(DatabaseError), transaction.atomic():
        take(Story().connected(1, "a"))
    assert not Event.objects.exists()
    assert not Connection.objects.exists()
    assert not Presence.objects.exists()
    assert not Position.objects.exists()


def test_a_peer_was_last_seen_when_its_connection_closed() -> None:
    story = Story()
    opened, closed = story.connected(1, "a"), story.closed(1, "a")
    take(opened, closed)
    row = Presence.objects.get(pk="a")
    assert seen("a") == closed.at
    assert (row.last_address, row.last_alpn) == ("192.0.2.1:4000", "alknet/call")
    assert connected() == []


def test_a_connection_is_whose_its_protocol_has_found_out_and_began_when_it_did() -> None:
    story = Story()
    take(begun := story.connected(1, "a"), story.connected(2))
    signed = {"fingerprint": "ed25519:11", "alpn": "alknet/ssh", "detail": {"since": begun.at}}
    take(story.tell("signed_in", 1, "b", **signed))
    row = Connection.objects.get(connection=1)
    assert (row.peer_id, row.fingerprint, row.since.timestamp()) == ("b", "ed25519:11", begun.at)
    assert levels() == [1, 1]
    take(story.tell("signed_in", 2, "b", **signed), story.closed(2, "b"))
    assert connected() == [(story.boot, 1)]
    take(closed := story.closed(1, "b"))
    assert connected() == []
    assert (seen("a"), seen("b")) == (begun.at, closed.at)
    assert levels() == [1, 0]


def test_a_stranger_is_connected_and_has_no_presence() -> None:
    take(Story().connected(7))
    assert connected() == [("a" * 16, 7)]
    assert not Presence.objects.exists()


def test_a_clock_that_was_set_back_makes_nobody_seen_earlier() -> None:
    take(Story().connected(1, "a"))
    take(Story(first=2, at=NOON - 3600).connected(2, "a"))
    assert seen("a") == NOON + 1


def test_the_next_life_of_a_killed_node_ends_the_connections_of_the_last() -> None:
    story = Story()
    take(story.connected(1, "a"), story.connected(2, "b"), story.tell("denied", 2, "b"))
    died = story.at
    take(Story("b" * 16, first=1000, at=NOON + 500).tell("started"))

    assert connected() == []
    assert seen("a") == seen("b") == died


def test_lives_that_follow_in_one_batch_are_told_apart() -> None:
    first, second = Story(), Story("b" * 16, first=1000, at=NOON + 500)
    take(first.connected(1, "a"), first.connected(2, "b"), second.tell("started"), second.connected(1, "c"))

    assert connected() == [("b" * 16, 1)]
    assert seen("a") == seen("b") == first.at


def test_a_new_life_whose_start_was_not_told_ends_the_old_one_all_the_same() -> None:
    take(Story().connected(1, "a"))
    take(Story("b" * 16, first=1000).connected(1, "b"))
    assert connected() == [("b" * 16, 1)]


def test_a_node_that_stopped_has_no_connections() -> None:
    story = Story()
    take(story.connected(1, "a"), story.connected(2, "b"))
    take(story.connected(3, "c"), story.closed(1, "a"), story.tell("stopped"))
    assert connected() == []
    assert seen("b") == story.at
    assert seen("a") == story.at - 1


def test_an_end_that_was_told_twice_and_one_of_nothing_are_harmless() -> None:
    story = Story()
    take(story.connected(1, "a"), story.closed(1, "a"), story.closed(1, "a"), story.closed(99))
    assert connected() == []


def test_forgotten_events_are_told_of_and_what_was_open_before_is_not_believed() -> None:
    story = Story()
    take(story.connected(1, "a"), story.connected(2, "b"))
    later = Story(first=500, at=NOON + 900)
    taken = take(later.connected(3, "c"), oldest=400)

    assert [event.kind for event in taken] == ["gap", "connected"]
    assert Event.objects.get(kind="gap").detail == {"after": 2, "before": 500}
    assert connected() == [(story.boot, 3)]
    assert take(Record(number=500)) == []


def test_numbers_that_leap_over_nothing_are_no_gap() -> None:
    take(Story().connected(1, "a"))
    assert [event.kind for event in take(Story(first=500).connected(2, "b"), oldest=1)] == ["connected"]


def test_rows_that_were_read_before_they_were_forgotten_are_no_gap() -> None:
    take(Story().connected(1, "a"))
    assert [event.kind for event in take(Story(first=2).connected(2, "b"), oldest=2)] == ["connected"]


def test_another_journal_begins_anew_and_is_told_of() -> None:
    story = Story()
    take(story.connected(1, "a"), story.connected(2, "b"))
    taken = take(Story("b" * 16).tell("started"), journal=OTHER)

    assert [event.kind for event in taken] == ["replaced", "started"]
    assert taken[0].detail == {"before": JOURNAL}
    assert connected() == []
    assert services.position_of(OTHER) == 1


def test_a_journal_that_comes_back_goes_on_where_it_was() -> None:
    story = Story()
    first, second = story.connected(1, "a"), story.connected(2, "b")
    take(first)
    take(Story("b" * 16).tell("started"), journal=OTHER)
    assert [event.kind for event in take(first, second, journal=JOURNAL)] == ["replaced", "connected"]
    assert Event.objects.filter(kind="connected").count() == 2


def retention(keep_events: int = 1_000_000, since: float = 0.0) -> Retention:
    return Retention(keep_events, datetime.fromtimestamp(since, UTC))


def test_of_too_many_events_the_oldest_are_forgotten() -> None:
    story = Story()
    take(*[story.tell("denied") for _ in range(50)])
    assert services.prune(retention(keep_events=20), limit=10) == 10
    assert services.prune(retention(keep_events=20), limit=1000) == 20
    assert services.prune(retention(keep_events=20)) == 0
    assert list(Event.objects.order_by("id").values_list("number", flat=True)) == list(range(31, 51))


def test_old_events_are_forgotten_and_are_not_taken_again() -> None:
    story = Story()
    old, new = story.tell("denied"), story.tell("denied")
    take(old, new)
    assert services.prune(retention(since=new.at)) == 1
    assert take(old, new) == []
    assert Event.objects.get().number == 2


def test_a_renamed_peer_keeps_what_is_known_of_it(add_peer: Callable[..., PeerEntry]) -> None:
    for peer_id in ("a", "b"):
        add_peer(peer_id)
    story = Story()
    take(story.connected(1, "a"), story.connected(2, "c"), story.connected(3, "b"))
    at = seen("a")
    peers.update_peer(actor=ALICE, peer_id="a", changes={"peer_id": "c"})
    assert seen("c") == at
    assert sorted(Presence.objects.values_list("pk", flat=True)) == ["b", "c"]
    assert sorted(Connection.objects.values_list("connection", "peer_id")) == [(1, "c"), (2, "c"), (3, "b")]
    peers.update_peer(actor=ALICE, peer_id="b", changes={"display_name": "Bob"})
    assert Presence.objects.filter(pk="b").exists()


def test_a_new_peer_inherits_nothing_from_its_namesake(add_peer: Callable[..., PeerEntry]) -> None:
    take(Story().connected(1, "a"))
    add_peer("a")
    assert not Presence.objects.exists()
    assert Event.objects.count() == 1
