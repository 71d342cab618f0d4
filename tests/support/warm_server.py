"""Processes that have imported everything before they are asked for: each is a fork of this one.

    python -m tests.support.warm_server DIRECTORY

Takes command lines of the interpreter at DIRECTORY/socket, from DIRECTORY/python (tests.support.warm_python), until
its standard input ends. What a command imports depends on neither environment nor settings; Django's settings, which
do, are read by the fork.
"""

import atexit
import fcntl
import gc
import importlib
import marshal
import os
import runpy
import select
import signal
import socket
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from node.cli.commands import COMMANDS
from tests.support.warm_python import HEAD

LATER = ("node.assembly.process", "typer.rich_utils")
"""What commands import when they need it."""

DJANGO = (
    "channels.generic.websocket",
    "django.conf.global_settings",
    "django.contrib.admin.sites",
    "django.contrib.admin.views.main",
    "django.contrib.auth.hashers",
    "django.contrib.messages",
    "django.core.handlers.asgi",
    "django.core.management.commands.migrate",
    "django.db.backends.sqlite3.base",
    "django.db.migrations.executor",
    "django.views.debug",
    "django_htmx.middleware",
    "fido2.server",
    "requests",
    "segno",
    "uvicorn",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
    "whitenoise.middleware",
)
"""What manage.py imports, as far as there need be no settings for it."""

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


class Server:
    """Forks for each request; knows what has not ended yet by its process descriptor."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._running: dict[int, tuple[int, socket.socket]] = {}

    def next_request(self) -> Request | None:
        """Comes back in each fork with what it is to do, and here, with nothing, when the tests have ended."""
        while True:
            asking = {connection: pid for pid, connection in self._running.values()}
            ready, _, _ = select.select([0, self._listener, *self._running, *asking], [], [])
            for handle in [handle for handle in self._running if handle in ready]:
                self._tell_end(handle)
            for gone in [connection for connection in ready if connection in asking and connection.fileno() >= 0]:
                os.kill(asking[gone], signal.SIGKILL)
            if self._listener in ready and (request := self._fork()):
                return request
            if 0 in ready:
                return None

    def _fork(self) -> Request | None:
        connection, _ = self._listener.accept()
        request = received(connection)
        child = os.fork()
        if child == 0:
            self._forget(connection)
            return request
        for given in request.given:
            os.close(given)
        tell(connection, child)
        self._running[os.pidfd_open(child)] = child, connection
        return None

    def _forget(self, connection: socket.socket) -> None:
        """What only the server needs, in a fork."""
        for handle, (_, other) in self._running.items():
            os.close(handle)
            other.close()
        for mine in (connection, self._listener):
            mine.close()

    def _tell_end(self, handle: int) -> None:
        pid, connection = self._running.pop(handle)
        os.close(handle)
        with connection:
            tell(connection, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def received(connection: socket.socket) -> Request:
    head, given, _, _ = socket.recv_fds(connection, HEAD, MOST_DESCRIPTORS)
    with connection.makefile("rb") as file:
        return Request(*marshal.loads(file.read(int.from_bytes(head, "big"))), given)


def tell(connection: socket.socket, number: int) -> None:
    with suppress(OSError):  # who asked has been killed
        connection.sendall(number.to_bytes(HEAD, "big", signed=True))


def main() -> None:
    place = Path(sys.argv[1])
    for name in (*(module for module, _ in COMMANDS.values()), *LATER, *DJANGO):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(place / "socket"))
    listener.listen()
    print("ready", flush=True)
    if request := Server(listener).next_request():
        request.run(str(place / "python"))


if __name__ == "__main__":
    main()
