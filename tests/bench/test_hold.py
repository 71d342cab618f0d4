"""A node and a hostile caller in processes of their own: what the caller can have the node hold."""

import pytest

from bench.hold import CASES, MOST_MIB
from tests.support.benches import judged, linux_only


def run_hold(seconds, name):
    return judged("hold", f"--seconds={seconds}", "--only", name)["cases"][name]


@linux_only
def test_a_thousand_answers_that_nobody_reads_are_not_even_begun():
    result = run_hold(2, "unread")
    assert result["peak_mib"] < MOST_MIB["unread"]
    assert result["counts"]["unsent_bytes"] > 1 << 20


@linux_only
@pytest.mark.soak
@pytest.mark.parametrize("name", CASES)
def test_no_caller_has_a_node_hold_more_than_the_bounds(name):
    result = run_hold(20, name)
    assert result["peak_mib"] < MOST_MIB[name]
    assert result["counts"]
