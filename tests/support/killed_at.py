"""Runs `alknet vault` commands that die by SIGKILL just before the n-th change of a file below one of the directories.

Run as `python -m tests.support.killed_at DIRECTORY…`. Each line of JSON that comes in is one run: `step` (past the last
one the command ends as it would), `data`, `arguments`. One line goes out: `status`, negative for a signal, and `said`.
What counts as a change is seen by an audit hook of the interpreter, so that the command itself knows nothing of it.
Each run is a fork of this process, which has imported everything already.
"""

import json
import os
import signal
import sys
import tempfile
from importlib import import_module
from typing import Any

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = {"os.rename", "os.remove", "os.link", "os.mkdir", "os.chmod", "os.rmdir", "os.truncate"}


class Reaper:
    """Counts changes, and ends the process at the chosen one."""

    def __init__(self, step: int, roots: list[str]) -> None:
        self._left = step
        self._roots = tuple(os.path.realpath(root) for root in roots)

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
        return os.path.abspath(os.fsdecode(argument)).startswith(self._roots)  # noqa: PTH100 - this is text


def command(run: dict[str, Any], roots: list[str], said: int) -> None:
    """Never returns."""
    os.dup2(said, 1)
    os.dup2(said, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ["ALKNET_DATA"] = run["data"]
    reaper = Reaper(run["step"], roots)
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        reaper.strike()
        fsync(descriptor)

    os.fsync = watched
    sys.addaudithook(reaper.hook)
    import_module("node.cli.vault").app(args=run["arguments"], prog_name="alknet vault")


def main(roots: list[str]) -> None:
    import_module("node.cli.vault")
    for line in sys.stdin:
        run = json.loads(line)
        with tempfile.TemporaryFile() as said:
            child = os.fork()
            if child == 0:
                command(run, roots, said.fileno())
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            said.seek(0)
            print(json.dumps({"status": status, "said": said.read().decode()}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
