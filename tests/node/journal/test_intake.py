"""What is taken into the journal, and what is only counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.core.journal import Event, EventKind
from node.core.live import Live
from node.journal import intake as intake_module
from node.journal.intake import BURST_SECONDS, Intake
from node.journal.limits import JournalLimits

STILL = 1000.0


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock of these tests, which stands still until it is set."""
    now = [STILL]
    monkeypatch.setattr("node.journal.intake.time.monotonic", lambda: now[0])
    return now


def intake(**limits: int) -> Intake:
    return Intake(Live(JournalLimits(**{"strangers_per_second": 1, **limits})))


def begun(connection: int, peer_id: str | None = None) -> Event:
    return Event(EventKind.CONNECTED, connection, peer_id)


def ended(connection: int, peer_id: str | None = None) -> Event:
    return Event(EventKind.CLOSED, connection, peer_id)


def test_strangers_have_a_share_that_fills_again(clock: list[float]) -> None:
    taken = intake()
    assert [taken.takes(begun(number), 0) for number in range(12)] == [True] * int(BURST_SECONDS) + [False] * 2
    assert taken.takes(begun(20, "ann"), 0)
    assert not taken.takes(Event(EventKind.REFUSED, peer_id="ann"), 0), "one that is locked out comes back all day"
    clock[0] += 1
    assert [taken.takes(begun(number), 0) for number in (30, 31)] == [True, False]
    assert taken.dropped == {"strangers": 4}


def test_what_the_node_says_of_itself_is_always_taken() -> None:
    taken = intake(max_queue=100)
    while taken.takes(Event(EventKind.REFUSED), 0):
        pass
    for kind in (EventKind.STARTED, EventKind.STOPPED, EventKind.LIMITED, EventKind.ENFORCED):
        assert taken.takes(Event(kind), 0)
    assert taken.takes(Event(EventKind.LIMITED), 1000)
    assert not taken.takes(Event(EventKind.ENFORCED), 1000)
    assert not taken.takes(Event(EventKind.LIMITED, connection=3), 0)
    assert taken.dropped == {"strangers": 2, "queue": 1}


def test_one_peer_has_a_share_and_leaves_the_others_theirs(clock: list[float]) -> None:
    taken = intake(peer_per_second=1)
    for number in range(12):
        assert taken.takes(begun(number, "ann"), 0) is (number < BURST_SECONDS)
    assert not taken.takes(Event(EventKind.DENIED, 3, "ann"), 0)
    assert taken.takes(begun(20, "bob"), 0)
    assert taken.takes(Event(EventKind.ENFORCED, peer_id="ann"), 0), "what the node did is always told"
    assert [taken.takes(ended(number, "ann"), 0) for number in (9, 11)] == [True, False]
    assert taken.dropped == {"peers": 3}
    clock[0] += 1
    assert [taken.takes(begun(number, "ann"), 0) for number in (30, 31)] == [True, False]


def test_the_shares_of_many_peers_take_bounded_memory_and_a_busy_one_gets_no_second_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(intake_module, "MOST_PEERS", 5)
    shares = intake_module.Shares()
    used = 0
    for number in range(100):
        used += shares.take("ann", 1, STILL)
        shares.take(f"peer {number}", 1, STILL)
    assert used == BURST_SECONDS
    assert len(shares._fresh) + len(shares._older) <= 10


@given(
    st.lists(
        st.tuples(st.integers(0, 8), st.booleans(), st.sampled_from([0, 99, 100, 5000])),
        max_size=120,
    )
)
def test_an_end_is_taken_exactly_where_its_beginning_was(steps: list[tuple[int, bool, int]]) -> None:
    """Whatever waits in the queue. Each step opens the connection, or closes it where it is open."""
    taken, open_now = intake(max_queue=100), dict[int, tuple[int, bool, str | None]]()
    for number, (slot, known, waiting) in enumerate(steps):
        if slot in open_now:
            connection, was_taken, peer_id = open_now.pop(slot)
            assert taken.takes(ended(connection, peer_id), waiting) is was_taken
        else:
            peer_id = "ann" if known else None
            open_now[slot] = (number, taken.takes(begun(number, peer_id), waiting), peer_id)
    assert len(taken._untold) == sum(not was_taken for _, was_taken, _ in open_now.values())


def test_who_signs_in_on_a_connection_that_was_left_out_is_told_of_with_its_end() -> None:
    taken = intake()
    while taken.takes(begun(1), 0):
        pass
    assert taken.takes(Event(EventKind.SIGNED_IN, 1, "ann"), 0)
    assert taken.takes(ended(1, "ann"), 0)
    assert not taken.takes(begun(2), 0)
    assert not taken.takes(ended(2), 0)
