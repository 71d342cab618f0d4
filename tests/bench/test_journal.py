"""The bench of the journal, in small."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_what_is_recorded_at_a_rate_is_all_read_by_another_process():
    options = ("--events=200", "--rate=300", "--seconds=1", "--peers=0")
    command = [sys.executable, "-m", "bench", "journal", *options]
    done = subprocess.run(command, check=False, cwd=ROOT, stdout=subprocess.PIPE, timeout=120)
    told = json.loads(done.stdout)
    assert (told["complete"], told["events"]) == (True, 300)
    assert {"hot_path_us", "most_per_s", "written_lag_ms", "stall_ms", "stall_idle_ms"} <= set(told)
    assert done.returncode == bool(told["failures"])
