"""The bench of aborts runs to the end over real nodes, and judges what it has measured."""

import json
import subprocess
import sys
from pathlib import Path

from bench.abort import judged

ROOT = Path(__file__).parents[2]


def test_it_ends_in_the_times_of_aborts() -> None:
    command = [sys.executable, "-m", "bench", "abort", "--aborts", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["bench"], result["aborts"]) == ("abort", 2), done.stderr
    assert 0 < result["abort_ms"]["p50"] <= result["abort_ms"]["max"]
    assert result["abort_ms"]["max"] < result["to_caller_ms"]["max"]
    assert done.returncode == bool(result["failures"])


def test_more_than_fifty_milliseconds_is_a_failure() -> None:
    quick, slow = (10.0, 20.0), (50.1, 60.0)
    assert judged([quick] * 100 + [slow])["failures"] == []
    assert judged([quick] * 100 + [slow] * 2)["failures"] == ["abort_ms"]
