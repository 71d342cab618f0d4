"""Run the engine's tests against the newest aioquic of the package index, and tell what came of it. Always ends with 0.

The newest version and what it needs go into a directory that is thrown away; what is installed stays as it is. The
engine's self-test, which refuses any version but the pinned one, is told to look at the names alone: by an option that
only the tests have.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from node.quic.version import WANTED

ROOT = Path(__file__).parents[1]
PIP_LIMIT_S = 180
TESTS_LIMIT_S = 900
TESTS = ("tests/node/quic", "--ignore=tests/node/quic/test_accelerated.py")
"""Of the engine. Which build of the pinned version runs is no question here."""

_SHOWN = 10
"""Failed tests that are named; the rest are counted."""


class NotTried(Exception):
    """There is nothing to report on, and why."""


def main() -> None:
    try:
        told = _try()
    except (NotTried, OSError, subprocess.TimeoutExpired) as error:
        told = f"not tried: {error}"
    print(f"newest aioquic: {told}", flush=True)


def _try() -> str:
    newest = _newest_version()
    if newest == WANTED:
        return f"{newest}, which is the pinned one"
    with tempfile.TemporaryDirectory() as scratch:
        overlay = Path(scratch) / "packages"
        pins = Path(scratch) / "pins.txt"
        pins.write_text(re.sub(r"(?m)^aioquic==.*\n", "", (ROOT / "constraints.txt").read_text()))
        _pip("install", "--target", str(overlay), "--constraint", str(pins), f"aioquic=={newest}")
        return f"{newest} ({WANTED} is pinned): {outcome(*_run_tests(overlay))}"


def outcome(status: int, output: str) -> str:
    """What a run of pytest came to, in a line."""
    failed = re.findall(r"(?m)^(?:FAILED|ERROR) (.+?)(?: - .*)?$", output)
    summary = re.findall(r"(?m)^=*\s*(\d+ (?:passed|failed|error|skipped|deselected).*?)\s*=*$", output)
    told = summary[-1] if summary else f"the tests ended with {status}: {' '.join(output.split()[-20:])}"
    more = [f"and {len(failed) - _SHOWN} more"] if len(failed) > _SHOWN else []
    return "; ".join([told, *failed[:_SHOWN], *more])


def _newest_version() -> str:
    """Raises NotTried where the index cannot be asked."""
    report = _pip("install", "--dry-run", "--ignore-installed", "--no-deps", "--report", "-", "aioquic")
    try:
        return str(json.loads(report)["install"][0]["metadata"]["version"])
    except (ValueError, LookupError, TypeError) as error:
        raise NotTried(f"pip's report is not understood: {error!r}") from None


def _pip(command: str, *options: str) -> str:
    argv = (sys.executable, "-I", "-m", "pip", command, "--quiet", "--disable-pip-version-check", *options)
    ran = subprocess.run(argv, capture_output=True, text=True, timeout=PIP_LIMIT_S, check=False)
    if ran.returncode:
        said = [line for line in ran.stderr.splitlines() if line.startswith("ERROR")]
        raise NotTried(said[0].removeprefix("ERROR: ") if said else "pip failed")
    return ran.stdout


def _run_tests(overlay: Path) -> tuple[int, str]:
    options = ("-q", "-rfE", "-p", "no:cacheprovider", "-m", "not interop and not soak", "--any-aioquic")
    env = {**os.environ, "PYTHONPATH": str(overlay), "PYTHONDONTWRITEBYTECODE": "1"}
    argv = (sys.executable, "-P", "-m", "pytest", *options, *TESTS)
    ran = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=TESTS_LIMIT_S, check=False)
    return ran.returncode, ran.stdout


if __name__ == "__main__":
    main()
