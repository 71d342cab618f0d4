"""What a warm process is asked for: to be the interpreter with these arguments, from its beginning to its end."""

import atexit
import fcntl
import importlib
import marshal
import os
import runpy
import socket
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from tests.support.warm_python import HEAD

MOST_DESCRIPTORS = 16


@dataclass(frozen=True, slots=True)
class Request:
    """A command line without its interpreter, as `python` takes it: `[-P] -m MODULE …` or `FILE …`."""

    cwd: str
    arguments: list[str]
    environment: dict[str, str]
    numbers: list[int]
    """Of its descriptors, in the order of the next."""
    given: list[int]

    def run(self, python: str) -> NoReturn:
        """As the interpreter would in this process, from the beginning to the end."""
        self._take_over(python)
        try:
            self._run()
            status = 0
        except SystemExit as end:
            status = self._status(end.code)
        except BaseException:  # noqa: BLE001 - as at the end of any program
            sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]  # there is one
            status = 1
        end_now(status)

    def _take_over(self, python: str) -> None:
        above = [fcntl.fcntl(given, fcntl.F_DUPFD_CLOEXEC, max(self.numbers) + 1) for given in self.given]
        for given in self.given:
            os.close(given)
        for number, copy in zip(self.numbers, above, strict=True):
            os.dup2(copy, number)
            os.close(copy)
        os.chdir(self.cwd)
        os.environ.clear()
        os.environ.update(self.environment)
        sys.stdout.reconfigure(line_buffering=os.isatty(1))  # type: ignore[union-attr]  # a file, as it began
        sys.executable = python
        sys.path[:1] = self._import_path()
        importlib.invalidate_caches()

    def _import_path(self) -> list[str]:
        """What stands before all that is installed: the program's own directory, and PYTHONPATH."""
        first = self.arguments[0]
        own = {"-P": [], "-m": [self.cwd]}.get(first, [str((Path(self.cwd) / first).parent)])
        return own + [name for name in self.environment.get("PYTHONPATH", "").split(os.pathsep) if name]

    def _run(self) -> None:
        if "-m" in self.arguments[:2]:
            sys.argv = self.arguments[self.arguments.index("-m") + 1 :]
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        else:
            sys.argv = self.arguments
            runpy.run_path(sys.argv[0], run_name="__main__")

    @staticmethod
    def _status(code: object) -> int:
        if code is None or isinstance(code, int):
            return code or 0
        print(code, file=sys.stderr)
        return 1


def end_now(status: int) -> NoReturn:
    """End in order, but leave to the kernel what was imported: to take it apart takes longer than most commands."""
    threading._shutdown()  # type: ignore[attr-defined]  # what the interpreter does first
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


def received(connection: socket.socket) -> Request:
    head, given, _, _ = socket.recv_fds(connection, HEAD, MOST_DESCRIPTORS)
    with connection.makefile("rb") as file:
        return Request(*marshal.loads(file.read(int.from_bytes(head, "big"))), given)
