"""The rule for third-party programs: a missing one is a visible skip, and under --require-interop a failure."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MARKED = """
import pytest

@pytest.mark.{marker}
def test_drives_a_program(program):
    program("no-such-program-anywhere")
"""


def outcome(directory: Path, marker: str, *options: str) -> tuple[int, str]:
    (directory / "test_it.py").write_text(MARKED.format(marker=marker))
    (directory / "pytest.ini").write_text("[pytest]\nmarkers = interop\n  browser\n  other\n")
    plain = ("-p", "tests.conftest", "-p", "no:django", "-p", "no:cacheprovider", "-rsf")
    command = (sys.executable, "-m", "pytest", *plain, "-c", str(directory / "pytest.ini"), *options, str(directory))
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout


@pytest.mark.parametrize("marker", ["interop", "browser"])
def test_a_missing_program_is_seen_or_fails(tmp_path: Path, marker: str) -> None:
    status, out = outcome(tmp_path, marker)
    assert status == 0
    assert "no-such-program-anywhere is not installed" in out
    status, out = outcome(tmp_path, marker, "--require-interop")
    assert status == 1
    assert "no-such-program-anywhere is not installed" in out
    assert "1 failed" in out.splitlines()[-1]


def test_other_skips_stay_skips(tmp_path: Path) -> None:
    status, out = outcome(tmp_path, "other", "--require-interop")
    assert status == 0
    assert "1 skipped" in out.splitlines()[-1]
