"""Runs `alknet` commands that die by SIGKILL just before the n-th change of a file below one of some directories.

Each line of JSON that comes in is one run: `program` (one of PROGRAMS), `step` (past the last one the command ends
as it would, and `up` once it is up), `data`, `below` (the directories), `arguments`, `terminal`, which is whether
its standard streams are one, and `longest`, which is how many bytes a file of theirs may have, as on a full disk (null:
any number). One line goes out: `status`, negative for a signal, and `said`.
What counts as a change is seen by an audit hook of the interpreter, so that the command itself knows nothing of it.
Each run is a fork of this process, which has imported everything already. Passphrases are quick ones: what they cost
changes no step.
"""

import json
import os
import pty
import resource
import signal
import sys
import tempfile
import threading
import time
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from node.settings import load_settings
from tests.support.custody import make_passphrases_quick

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = {"os.rename", "os.remove", "os.link", "os.mkdir", "os.chmod", "os.rmdir", "os.truncate"}
PROGRAMS = ("vault", "up", "backup", "restore")


class Reaper:
    """Counts changes, and ends the process at the chosen one."""

    def __init__(self, step: int, below: list[str]) -> None:
        self._left = step
        self._below = tuple(os.path.realpath(root) for root in below)

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        is_write = event == "open" and isinstance(arguments[2], int) and bool(arguments[2] & WRITING)
        if (event in CHANGES or is_write) and any(self._concerns(one) for one in arguments[:2]):
            self.strike()

    def strike(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def _concerns(self, argument: Any) -> bool:
        if not isinstance(argument, str | bytes | os.PathLike):
            return False
        return os.path.abspath(os.fsdecode(argument)).startswith(self._below)  # noqa: PTH100 - this is text


def command(run: dict[str, Any], heard: int, said: int) -> None:
    """Never returns."""
    for theirs, ours in ((heard, 0), (said, 1), (said, 2)):
        os.dup2(theirs, ours)
    os.environ["ALKNET_DATA"] = run["data"]
    if run["program"] == "up":
        threading.Thread(target=stop_once_up, args=[Path(run["data"])], daemon=True).start()
    if run["longest"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (run["longest"], run["longest"]))
    reaper = Reaper(run["step"], run["below"])
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        reaper.strike()
        fsync(descriptor)

    os.fsync = watched
    sys.addaudithook(reaper.hook)
    name = run["program"]
    import_module(f"node.cli.{name}").app(args=run["arguments"], prog_name=f"alknet {name}")


@cache
def ask_for_migrations_once() -> None:
    """They are the same at each step, and the process that tells them takes a second."""
    checks = import_module("node.cli.restore_checks")
    known = checks.known_migrations(load_settings())
    checks.known_migrations = lambda _: known


def stop_once_up(data: Path) -> None:
    """Have this process end as a person would, when it has told that all runs."""
    while not (data / "run" / "ready.json").exists():
        time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGTERM)


def at_a_terminal(run: dict[str, Any]) -> tuple[int, str]:
    """What it says must fit into what a terminal keeps for who reads it: some 4000 bytes."""
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    try:
        status = forked(run, theirs, theirs)
        return status, os.read(ours, 65_536).decode()
    except BlockingIOError:
        return status, ""
    finally:
        os.close(ours)
        os.close(theirs)


def without_one(run: dict[str, Any]) -> tuple[int, str]:
    with tempfile.TemporaryFile() as said, Path(os.devnull).open("rb") as nothing:
        status = forked(run, nothing.fileno(), said.fileno())
        said.seek(0)
        return status, said.read().decode()


def forked(run: dict[str, Any], heard: int, said: int) -> int:
    child = os.fork()
    if child == 0:
        command(run, heard, said)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> None:
    make_passphrases_quick()
    for name in PROGRAMS:
        import_module(f"node.cli.{name}")
    for line in sys.stdin:
        run = json.loads(line)
        if run["program"] == "restore":
            ask_for_migrations_once()
        status, said = at_a_terminal(run) if run["terminal"] else without_one(run)
        print(json.dumps({"status": status, "said": said}), flush=True)


if __name__ == "__main__":
    main()
