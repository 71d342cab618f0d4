"""What a compiled engine must show before it is used: upstream's tests, our tests, stock's answers to attacks."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from tools import ROOT

from node.quic.version import WANTED

UPSTREAM_TESTS = {"1.7.2": 681}
"""How many tests aioquic's source distribution has, by version: that they were found is part of having passed."""

OURS = ("tests/node/quic", "tests/contract", "tests/node/endpoint")
_TIME_LIMIT_S = 1200

Say = Callable[[str], None]


class GateFailed(Exception):
    """The compiled engine is not used, and why."""


def prove_whole(tree: Path, source: Path, test_tools: Path | None, say: Say) -> dict[str, Any]:
    """All three gates. `test_tools` is where the tests' packages are, if not where everything is. Raises GateFailed."""
    _require_tests()
    return _side_by_side(
        lambda: _our_tests(tree, test_tools, say),
        lambda: _upstream_tests(tree, source, say),
        lambda: _hostile(tree, say),
    )


def prove_with_us(tree: Path, test_tools: Path | None, say: Say) -> dict[str, Any]:
    """Our engine's tests against the tree, and its answers to hostile datagrams against those of stock. Raises
    GateFailed."""
    _require_tests()
    return _side_by_side(lambda: _our_tests(tree, test_tools, say), lambda: _hostile(tree, say))


def _side_by_side(*gates: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Two at a time, the longest of them first: each of them is a process that keeps one core busy. After a failure
    none begins."""
    with ThreadPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool:
        running = [pool.submit(gate) for gate in gates]
        wait(running, return_when=FIRST_EXCEPTION)
        for waiting in running:
            waiting.cancel()
    facts = [gate.result() for gate in running if not gate.cancelled()]
    return {name: value for proven in facts for name, value in proven.items()}


def _require_tests() -> None:
    if not (ROOT / "tests" / "node" / "quic").is_dir():
        raise GateFailed("the tests are not part of this installation, so nothing can be proven; use a whole checkout")


def _upstream_tests(tree: Path, source: Path, say: Say) -> dict[str, Any]:
    """aioquic's own test-suite, all of it, against the compiled tree."""
    say(f"gate: aioquic's own {UPSTREAM_TESTS[WANTED]} tests")
    ran = _run(("-m", "unittest", "discover", "--quiet"), cwd=source, path=(tree,))
    found = re.search(r"(?m)^Ran (\d+) tests", ran.stderr)
    if ran.returncode or found is None or int(found[1]) != UPSTREAM_TESTS[WANTED]:
        failed = re.findall(r"(?m)^(?:FAIL|ERROR): (.+)$", ran.stderr)
        raise GateFailed(f"aioquic's own tests do not pass: {'; '.join(failed) or _tail(ran)}")
    return {"aioquic_tests": int(found[1])}


def _our_tests(tree: Path, test_tools: Path | None, say: Say) -> dict[str, Any]:
    say("gate: our own tests of the engine")
    options = ("-q", "-p", "no:cacheprovider", "-m", "not interop and not soak", "--engine", str(tree))
    path = () if test_tools is None else (test_tools,)
    ran = _run(("-P", "-m", "pytest", *options, *OURS), cwd=ROOT, path=path)
    found = re.search(r"(\d+) passed", ran.stdout)
    if ran.returncode or found is None:
        failed = re.findall(r"(?m)^(?:FAILED|ERROR) (\S+)", ran.stdout)
        raise GateFailed(f"our own tests do not pass: {'; '.join(failed) or _tail(ran)}")
    return {"our_tests": int(found[1])}


def _hostile(tree: Path, say: Say) -> dict[str, Any]:
    say("gate: hostile datagrams, answered as stock answers them")
    digests = []
    for engine in ("stock", str(tree)):
        ran = _run(("-m", "tests.support.hostile", engine), cwd=ROOT, path=())
        if ran.returncode:
            raise GateFailed(f"the hostile datagrams could not be run: {_tail(ran)}")
        digests.append(ran.stdout.strip())
    if digests[0] != digests[1]:
        raise GateFailed(f"hostile datagrams are answered otherwise than by stock: {digests[1]}, stock {digests[0]}")
    return {"hostile": digests[0]}


def _run(arguments: tuple[str, ...], cwd: Path, path: tuple[Path, ...]) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ALKNET_", "PYTHON"))}
    env = {**kept, "PYTHONPATH": os.pathsep.join(map(str, path)), "PYTHONDONTWRITEBYTECODE": "1"}
    argv = (sys.executable, *arguments)
    try:
        return subprocess.run(
            argv, cwd=cwd, env=env, capture_output=True, text=True, timeout=_TIME_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise GateFailed(f"not done after {_TIME_LIMIT_S} s: {' '.join(arguments)}") from None


def _tail(ran: subprocess.CompletedProcess[str]) -> str:
    return "\n" + "\n".join((ran.stdout + ran.stderr).splitlines()[-15:])
