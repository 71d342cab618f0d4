"""The bench of the engine runs both engines to the end, and computes what it says. Speed is not a test's affair."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.engine import Measured, figures

ROOT = Path(__file__).parents[2]
RATIOS = {
    "upload_cpu_ratio",
    "download_cpu_ratio",
    "handshake_cpu_ratio",
    "request_cpu_ratio",
    "idle_memory_ratio",
}
MEASURED = {
    "close_ms",
    "upload_mb_s",
    "download_mb_s",
    "upload_ms_per_mb",
    "download_ms_per_mb",
    "handshake_ms",
    "request_us",
    "idle_kib",
}
SAMPLE = Measured(
    handshake_ms=1.0,
    idle_kib=70.0,
    upload_ms_per_mb=20.0,
    upload_mb_s=40.0,
    download_ms_per_mb=24.0,
    download_mb_s=30.0,
    request_us=150.0,
)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_the_bench_ends_in_one_line_with_both_engines_in_it() -> None:
    sizes = ["--rounds", "1", "--mib", "1", "--connections", "25", "--requests", "5", "--crowd", "10"]
    command = [sys.executable, "-m", "bench", "engine", *sizes]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result.pop("bench") == "engine"
    stock = {f"stock_{name}" for name in MEASURED}
    assert result.keys() == {"rounds", "mib", "connections", "crowd", *RATIOS, *MEASURED, *stock}
    assert all(value > 0 for value in result.values())


def test_a_ratio_is_our_median_to_the_stock_median() -> None:
    ours = [dataclasses.replace(SAMPLE, upload_ms_per_mb=value) for value in (10.0, 99.0, 20.0)]
    stock = [dataclasses.replace(SAMPLE, upload_ms_per_mb=value) for value in (40.0, 1.0, 80.0)]
    result = figures(ours, stock)
    assert (result["upload_ms_per_mb"], result["stock_upload_ms_per_mb"]) == (20.0, 40.0)
    assert {name: result[name] for name in RATIOS} == {**dict.fromkeys(RATIOS, 1.0), "upload_cpu_ratio": 0.5}
