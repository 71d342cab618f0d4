"""The timer of one connection: never late, and not moved for every packet."""

import asyncio

import pytest

from node.quic.connection.alarm import CLOCK_STEP, Alarm
from tests.support.quic import soon


class Bell:
    """An alarm that notes when it rang; times are in seconds from the start."""

    def __init__(self):
        self._began = asyncio.get_running_loop().time()
        self.rang = asyncio.get_running_loop().create_future()
        self.alarm = Alarm(lambda now: self.rang.set_result(now - self._began))

    @property
    def planned(self):
        handle = self.alarm._handle
        return None if handle is None else pytest.approx(handle.when() - self._began)

    def set(self, due, now=0.0):
        self.alarm.set(None if due is None else self._began + due, self._began + now)


async def test_an_alarm_rings_when_it_is_due_and_is_not_set_any_more():
    bell = Bell()
    bell.set(0.01)
    assert bell.alarm.is_set
    assert await soon(bell.rang) >= 0.01
    assert not bell.alarm.is_set


@pytest.mark.parametrize(
    ("first", "second", "planned"),
    [
        pytest.param(10.0, 5.0, 5.0, id="something is due sooner"),
        pytest.param(5.0, 10.0, 5.0, id="too early, but far off"),
        pytest.param(CLOCK_STEP / 2, 10.0, 10.0, id="near, and for nothing"),
        pytest.param(CLOCK_STEP / 2, CLOCK_STEP, CLOCK_STEP / 2, id="near, and something is due as soon as it rings"),
        pytest.param(5.0, None, 5.0, id="nothing is due"),
    ],
)
async def test_an_alarm_that_is_set_again_rings_no_later_than_is_due(first, second, planned):
    bell = Bell()
    bell.set(first)
    bell.set(second)
    assert bell.planned == planned
    bell.alarm.cancel()


async def test_a_cancelled_alarm_is_silent():
    bell = Bell()
    bell.set(0.001)
    bell.alarm.cancel()
    bell.alarm.cancel()
    await asyncio.sleep(0.01)
    assert not bell.rang.done()


async def test_an_alarm_is_near_only_within_a_step_of_the_clock():
    bell = Bell()
    assert not bell.alarm.is_near(0.0)
    bell.set(5.0)
    began = bell._began
    assert not bell.alarm.is_near(began)
    assert bell.alarm.is_near(began + 5.0 - CLOCK_STEP / 2)
    bell.alarm.cancel()
