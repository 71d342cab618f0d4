"""Unix sockets by path: what is connected to is the socket whose real path was judged, whatever moves meanwhile.

A descriptor holds it (O_PATH, open(2)), and `/proc/self/fd/N` leads to what that holds and nowhere else.
"""

import asyncio
import contextlib
import os
import socket
import stat
from pathlib import Path, PurePosixPath

from node.handlers.ssh.forwarding.dial import READ_AHEAD, Socket
from node.handlers.ssh.local_user import LocalUser

MODE = 0o600
"""Of a socket that the node listens on."""


class Found:
    """Something that a path leads to, held open. `path` is where it really lies."""

    def __init__(self, path: str, flags: int = 0) -> None:
        """Raises OSError, also where no path of this process leads there: through /proc/PID/root (proc(5)), say."""
        self._fd = os.open(path, os.O_PATH | os.O_CLOEXEC | flags)
        try:
            self.path = str(Path(self.held).readlink())
            if not Path(self.path).is_absolute() or not os.path.samestat(os.fstat(self._fd), Path(self.path).lstat()):
                raise OSError("it lies at no path")
        except BaseException:
            self.close()
            raise

    @property
    def held(self) -> str:
        """A path to it that nobody can turn elsewhere."""
        return f"/proc/self/fd/{self._fd}"

    def close(self) -> None:
        """Harmless when repeated."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    async def connect(self, timeout: float) -> Socket:
        """Raises OSError, which TimeoutError is."""
        async with asyncio.timeout(timeout):
            return await asyncio.open_unix_connection(self.held, limit=READ_AHEAD)


class Spot:
    """A place for a socket in a directory that is held open. `path` is where it really lies."""

    def __init__(self, path: str) -> None:
        """Raises OSError."""
        wanted = PurePosixPath(path)
        self._directory = Found(str(wanted.parent), os.O_DIRECTORY)
        self._name = wanted.name
        self.made: os.stat_result | None = None
        """The socket that was made here, until it is removed."""
        self.path = str(PurePosixPath(self._directory.path) / self._name)

    @property
    def here(self) -> str:
        """A path to it that nobody can turn elsewhere; what lies there may change."""
        return f"{self._directory.held}/{self._name}"

    def bind(self, user: LocalUser | None) -> socket.socket:
        """A socket here that is its user's alone, and not listening yet. Raises OSError where something is there."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            os.fchmod(sock.fileno(), MODE)  # what is bound gets the mode that its socket has (Linux)
            sock.bind(self.here)
            with contextlib.closing(Found(self.here, os.O_NOFOLLOW)) as found:
                self._take(Path(found.held), user)
        except BaseException:
            sock.close()
            raise
        return sock

    def close(self) -> None:
        """Remove what was made, if it still is what is there. Harmless when repeated."""
        made, self.made = self.made, None
        with contextlib.suppress(OSError):
            at = Path(self.here).lstat()
            if made is not None and os.path.samestat(at, made) and stat.S_ISSOCK(at.st_mode):
                Path(self.here).unlink()
        self._directory.close()

    def _take(self, socket_file: Path, user: LocalUser | None) -> None:
        """Make what was bound its user's, and keep in mind which file it is. Raises OSError where it is another."""
        at = socket_file.stat()
        if not stat.S_ISSOCK(at.st_mode):
            raise OSError("another has taken the place")
        self.made = at
        if user is not None and user.switch is not None:
            os.chown(socket_file, user.switch[0], user.switch[1])
            self.made = socket_file.stat()
