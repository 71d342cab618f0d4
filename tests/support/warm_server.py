"""Processes that have imported everything before they are asked for: each is a fork of this one.

    python -m tests.support.warm_server DIRECTORY

Takes command lines of the interpreter at DIRECTORY/socket, from DIRECTORY/python (tests.support.warm_python), until
its standard input ends. What a command imports depends on neither environment nor settings. Those of `manage.py`, and
of other programs whose environment names Django's settings, come to sockets of their own, one for each module of
settings; who asks there first has a fork made that sets Django up and serves from then on (tests.support.warm_django).
"""

import gc
import importlib
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

from manage import LEAN_COMMANDS
from node.cli.commands import COMMANDS
from tests.support import warm_django
from tests.support.warm_python import HEAD
from tests.support.warm_request import Request, received

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


class Server:
    """Forks for each request; knows what has not ended yet by its process descriptor.

    `images` are listeners of servers to come, each with the settings that it is to know.
    """

    def __init__(self, listener: socket.socket, images: dict[socket.socket, str]) -> None:
        self._listener = listener
        self._images = images
        self._running: dict[int, tuple[int, socket.socket]] = {}

    def next_request(self) -> Request | None:
        """Comes back in each fork with what it is to do, and here, with nothing, when the tests have ended."""
        while True:
            asking = {connection: pid for pid, connection in self._running.values()}
            ready, _, _ = select.select([0, self._listener, *self._images, *self._running, *asking], [], [])
            for handle in [handle for handle in self._running if handle in ready]:
                self._tell_end(handle)
            for gone in [connection for connection in ready if connection in asking and connection.fileno() >= 0]:
                os.kill(asking[gone], signal.SIGKILL)
            for listener in [listener for listener in self._images if listener in ready]:
                self._make_image(listener)
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

    def _make_image(self, listener: socket.socket) -> None:
        """A fork that is the server of this listener from now on, and of nothing else."""
        settings = self._images.pop(listener)
        if os.fork() == 0:
            self._forget()
            self._listener, self._images, self._running = listener, {}, {}
            warm_django.import_all(settings)
            keep()
        else:
            listener.close()

    def _forget(self, *connections: socket.socket) -> None:
        """What only the server needs, in a fork."""
        for handle, (_, other) in self._running.items():
            os.close(handle)
            other.close()
        for mine in (*connections, *self._images, self._listener):
            mine.close()

    def _tell_end(self, handle: int) -> None:
        pid, connection = self._running.pop(handle)
        os.close(handle)
        with connection:
            tell(connection, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def tell(connection: socket.socket, number: int) -> None:
    with suppress(OSError):  # who asked has been killed
        connection.sendall(number.to_bytes(HEAD, "big", signed=True))


def keep() -> None:
    """Forks share what is there now."""
    gc.collect()
    gc.freeze()


def listening(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    return listener


def main() -> None:
    place = Path(sys.argv[1])
    for name in (*(module for module, _ in COMMANDS.values()), *LATER, *DJANGO):
        importlib.import_module(name)
    keep()
    images = {listening(place / settings): settings for settings in (warm_django.PANEL, warm_django.LEAN)}
    for command in LEAN_COMMANDS:
        (place / f"manage-{command}").symlink_to(warm_django.LEAN)
    server = Server(listening(place / "socket"), images)
    print("ready", flush=True)
    if request := server.next_request():
        request.run(str(place / "python"))


if __name__ == "__main__":
    main()
