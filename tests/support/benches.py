"""Benches run as a person would run them, in small."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


def run_bench(*arguments: str, timeout: float = 120, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    """`python -m bench` with these arguments, run to its end, and all its processes with this `python`."""
    command = [python, "-m", "bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)


def figures_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The last line of what it printed."""
    assert done.stdout, done.stderr
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def judged(*arguments: str, timeout: float = 120) -> dict[str, Any]:
    """The figures of a bench that judges them, and whose exit status says so."""
    done = run_bench(*arguments, timeout=timeout)
    figures = figures_of(done)
    assert done.returncode == bool(figures["failures"]), done.stderr
    return figures
