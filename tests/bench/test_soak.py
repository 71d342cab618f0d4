"""The soak leaves nothing, and says so when something grows. How it goes for half an hour is no test's affair."""

import pytest

from bench.churn import PER_SECOND
from bench.soak import judge
from tests.support.benches import figures_of, linux_only, run_bench


def sampled(*mebibytes):
    return [{"rss_mib": value} for value in mebibytes]


def test_growth_is_counted_from_the_second_sixth_of_the_time():
    samples = sampled(*[10.0] * 30, *[100.0] * 120, *[104.0] * 30)
    assert judge(samples, []) == {"early_mib": 100.0, "late_mib": 104.0, "grown_percent": 4.0, "failures": []}


def test_what_grew_and_what_is_left_is_a_failure():
    assert judge(sampled(*[100.0] * 150, *[106.0] * 30), ["timers"])["failures"] == ["memory", "timers"]


@pytest.mark.soak
@linux_only
def test_a_minute_of_churn_leaves_nothing():
    told = figures_of(run_bench("soak", "--minutes=1", timeout=240))
    assert set(told["done"]) == {peer.__name__ for peer in PER_SECOND}
    assert told["left"] == {}
