"""A node and a hostile caller in processes of their own: what the caller can have the node hold."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.hold import CASES, MOST_MIB

ROOT = Path(__file__).parents[2]
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


def run_hold(seconds, name):
    command = [sys.executable, "-m", "bench", "hold", f"--seconds={seconds}", "--only", name]
    done = subprocess.run(command, check=False, cwd=ROOT, stdout=subprocess.PIPE, timeout=120)
    told = json.loads(done.stdout)
    assert done.returncode == bool(told["failures"])
    return told["cases"][name]


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
