"""The delays between attempts to dial."""

import pytest

from node.client.backoff import SETTLED_AFTER, Backoff


def test_delays_double_up_to_the_longest_and_start_over_once_a_connection_had_settled() -> None:
    backoff = Backoff(1.0, 5.0)
    for whole in (1.0, 2.0, 4.0, 5.0, 5.0):
        assert whole / 2 <= backoff.delay() <= whole
    assert 2.5 <= backoff.delay(SETTLED_AFTER - 1) <= 5.0
    assert 0.5 <= backoff.delay(SETTLED_AFTER) <= 1.0


def test_two_clients_do_not_come_back_in_the_same_moment() -> None:
    assert len({Backoff().delay() for _ in range(20)}) > 1


@pytest.mark.parametrize(("first", "longest"), [(0.0, 1.0), (2.0, 1.0)])
def test_delays_that_are_none_are_refused(first: float, longest: float) -> None:
    with pytest.raises(ValueError, match="the first delay"):
        Backoff(first, longest)
