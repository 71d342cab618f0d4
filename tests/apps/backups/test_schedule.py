"""When a scheduled backup is due: after any restart the same, never twice, and never lost."""

from hypothesis import given
from hypothesis import strategies as st

from apps.backups.schedule import LONGEST_SPREAD, SPREAD, Last, due

HOUR, DAY, NOW = 3600.0, 86400.0, 1_800_000_000.0

intervals = st.floats(0.1, 8784).map(lambda hours: hours * HOUR)


def test_the_first_is_due_at_once() -> None:
    assert due(None, every=DAY, box="a", now=NOW) == NOW


@given(every=intervals, number=st.integers(1, 10**6), age=st.floats(0, 10**7))
def test_after_a_good_one_it_is_an_interval_and_a_little_later(every: float, number: int, age: float) -> None:
    last = Last(number, NOW - age, 0)
    wait = due(last, every=every, box="a", now=NOW) - last.began
    assert every <= wait + 1e-3
    assert wait <= every + min(every * SPREAD, LONGEST_SPREAD) + 1e-3


@given(number=st.integers(1, 10**6), later=st.floats(0, 10**6))
def test_a_restart_changes_nothing(number: int, later: float) -> None:
    last = Last(number, NOW - 5, 0)
    assert due(last, every=DAY, box="a", now=NOW) == due(last, every=DAY, box="a", now=NOW + later)


def test_boxes_do_not_all_begin_at_once() -> None:
    times = {due(Last(1, NOW, 0), every=DAY, box=str(box), now=NOW) for box in range(50)}
    assert len(times) == 50


@given(every=intervals, failures=st.integers(1, 10**4))
def test_a_failed_one_is_tried_again_soon_then_less_often_and_never_less_than_scheduled(
    every: float, failures: int
) -> None:
    def wait(count: int) -> float:
        return due(Last(1, NOW, count), every=every, box="a", now=NOW) - NOW

    assert 0 < wait(failures) <= every + 1e-3
    assert wait(1) <= 300
    assert wait(failures) <= wait(failures + 1)


def test_a_clock_that_was_set_back_makes_nobody_wait_for_the_old_time() -> None:
    assert due(Last(1, NOW + 30 * DAY, 0), every=DAY, box="a", now=NOW) == NOW
