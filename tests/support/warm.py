"""`PYTHON` for commands that tests run to their end: a process of its own each time, but one that imports nothing anew.

Arguments, environment, directory, standard streams, exit status and signals are those of a process started afresh.
What is not: /proc shows the command line and environment of another, and no import happens. Tests of those
things, and of what is killed with its whole group, start `sys.executable`. The first use in a test process starts a
server that ends with it.
"""

import atexit
import shutil
import signal
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from node.quic.accelerated import Build, running
from tests.support import warm_python

ROOT = Path(__file__).parents[2]


def kill(process: subprocess.Popen[Any]) -> None:
    """SIGKILL for a process, whichever way it was started. Waited for, it has let go of all that it had."""
    is_warm = isinstance(process.args, list | tuple) and process.args[0] == python()
    process.send_signal(warm_python.KILL if is_warm and python() != sys.executable else signal.SIGKILL)


@cache
def python() -> str:
    """The path of a program to be used in place of `sys.executable`; that itself where another engine is under test."""
    if running() is not Build.STOCK:
        return sys.executable
    place = Path(tempfile.mkdtemp(prefix="alknet-warm-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    program = place / "python"
    program.write_text(f"#!{sys.executable} -IS\n" + Path(warm_python.__file__).read_text())
    program.chmod(0o700)
    command = [sys.executable, "-m", "tests.support.warm_server", str(place)]
    server = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    atexit.register(server.communicate)
    assert server.stdout is not None
    assert server.stdout.readline() == "ready\n"
    return str(program)
