"""What stands for the interpreter in tests behaves as the interpreter does (tests.support.warm)."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import warm, warm_django
from tests.support.waiting import until

PROBE = """
import json, os, sys
def is_open(number):
    try:
        return bool(os.fstat(number))
    except OSError:
        return False
seen = {"argv": sys.argv, "cwd": os.getcwd(), "variable": os.environ.get("PROBE"), "number": len(os.environ),
        "heard": sys.stdin.read(), "descriptors": [number for number in range(100) if is_open(number)],
        "name": __name__, "path": sys.path[:3],
        "umask": os.umask(0), "terminals": [os.isatty(number) for number in range(3)]}
print(json.dumps(seen))
print("complaint", file=sys.stderr)
"""

Python = Callable[[], str]
BOTH = pytest.mark.parametrize("python", [warm.python, lambda: sys.executable], ids=["warm", "afresh"])


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], str]:
    def write(text: str) -> str:
        (tmp_path / "program.py").write_text(text)
        return str(tmp_path / "program.py")

    return write


def test_a_program_sees_what_one_that_is_started_afresh_sees(tmp_path: Path, program: Callable[[str], str]) -> None:
    read, write = os.pipe()
    results = [
        subprocess.run(
            [python, program(PROBE), "one", "two\n"],
            input="said",
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={"PROBE": "x", "LC_ALL": "C.UTF-8", "PYTHONPATH": "/of/mine:/of/others"},
            pass_fds=[write],
            check=False,
        )
        for python in (warm.python(), sys.executable)
    ]
    os.close(read)
    os.close(write)
    ours, afresh = (json.loads(result.stdout) for result in results)
    assert ours == afresh
    assert (ours["variable"], ours["heard"], write in ours["descriptors"]) == ("x", "said", True)
    assert [result.stderr for result in results] == ["complaint\n"] * 2


@BOTH
@pytest.mark.parametrize(
    ("text", "status", "told"),
    [
        ("import sys; sys.exit(7)", 7, ""),
        ("import sys; sys.exit('so')", 1, "so\n"),
        ("import os; os.abort()", -signal.SIGABRT, ""),
        ("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL, ""),
        ("import atexit, sys; atexit.register(sys.stderr.write, 'last')", 0, "last"),
        ("1 / 0", 1, "ZeroDivisionError: division by zero\n"),
    ],
)
def test_it_ends_as_the_program_does(
    python: Python, program: Callable[[str], str], text: str, status: int, told: str
) -> None:
    ran = subprocess.run([python(), program(text)], capture_output=True, text=True, check=False)
    assert ran.returncode == status
    assert ran.stderr.endswith(told)


@BOTH
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_reaches_the_program(
    python: Python, program: Callable[[str], str], tmp_path: Path, number: signal.Signals
) -> None:
    path = program("import os, time; print(os.getpid(), flush=True); time.sleep(600)")
    with subprocess.Popen([python(), path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.send_signal(number)
        assert process.wait(60) == -number
    until(lambda: not Path(f"/proc/{pid}").exists(), "the end of the program")


@BOTH
def test_what_was_killed_and_waited_for_is_gone(python: Python, program: Callable[[str], str]) -> None:
    path = program("import os, time; print(os.getpid(), flush=True); time.sleep(600)")
    with subprocess.Popen([python(), path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        warm.kill(process)
        assert process.wait(60) == -signal.SIGKILL
        assert not Path(f"/proc/{pid}").exists()


def settings(python: str, data: Path, **environment: str) -> dict[str, str]:
    """What `manage.py` has for settings in this environment."""
    command = [python, str(warm.ROOT / "manage.py"), "diffsettings", "--all"]
    environment = {"ALKNET_DATA": str(data), "XDG_CONFIG_HOME": str(data), **environment}
    told = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True).stdout
    lines = (line.removeprefix("### ").removesuffix("  ###").partition(" = ") for line in told.splitlines())
    return {name: value for name, _, value in lines}


ELSEWHERE = {
    "ALKNET_PANEL__PUBLIC_URL": "https://panel.example",
    "ALKNET_PANEL__LISTEN": "127.0.0.2:1",
    "ALKNET_LIVE__LAYER": "channels.layers.Other",
}


def test_manage_has_the_settings_of_its_own_environment(tmp_path: Path) -> None:
    ours, afresh = (settings(python, tmp_path, **ELSEWHERE) for python in (warm.python(), sys.executable))
    assert ours["PUBLIC_URL"] == "'https://panel.example'"
    assert all(str(tmp_path / "alknet.db") in each.pop("DATABASES") for each in (ours, afresh))  # Django adds defaults
    assert ours == afresh


def test_no_setting_that_differs_between_places_is_known_before(tmp_path: Path) -> None:
    one, other = settings(warm.python(), tmp_path / "one", **ELSEWHERE), settings(warm.python(), tmp_path / "other")
    assert {name for name in one if one[name] != other[name]} == {*warm_django.OF_THE_PLACE, "DATABASES"}
