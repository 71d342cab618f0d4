"""The soak leaves nothing, and says so when something grows. How it goes for half an hour is no test's affair."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.churn import PER_SECOND
from bench.soak import judge

ROOT = Path(__file__).parents[2]


def sampled(*mebibytes):
    return [{"rss_mib": value} for value in mebibytes]


def test_growth_is_counted_from_the_second_sixth_of_the_time():
    samples = sampled(*[10.0] * 30, *[100.0] * 120, *[104.0] * 30)
    assert judge(samples, []) == {"early_mib": 100.0, "late_mib": 104.0, "grown_percent": 4.0, "failures": []}


def test_what_grew_and_what_is_left_is_a_failure():
    assert judge(sampled(*[100.0] * 150, *[106.0] * 30), ["timers"])["failures"] == ["memory", "timers"]


@pytest.mark.soak
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_a_minute_of_churn_leaves_nothing():
    command = [sys.executable, "-m", "bench", "soak", "--minutes=1"]
    told = json.loads(subprocess.run(command, check=False, cwd=ROOT, stdout=subprocess.PIPE, timeout=240).stdout)
    assert set(told["done"]) == {peer.__name__ for peer in PER_SECOND}
    assert told["left"] == {}
