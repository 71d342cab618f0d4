"""Unix sockets for processes of the same user on the same machine: private from their first moment, never two at once.

Whoever connects is known by the kernel's word alone (SO_PEERCRED, unix(7)), and must be this user or root.
"""

import contextlib
import fcntl
import os
import socket
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

from node.private_file import private_directory

BACKLOG = 64
_LONGEST_NAME = 107
"""Bytes of a path that fit `sun_path` with its end (unix(7))."""
_CREDENTIALS = struct.Struct("3i")


class SocketTaken(OSError):
    """A living process listens there already."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: a running process listens there already")


class ForeignServer(OSError):
    """Another user listens there, who is told nothing."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} belongs to another user")


class LocalSocket:
    """A listening socket of mode 0600 at `path`, made by `listen`."""

    def __init__(self, path: Path, sock: socket.socket) -> None:
        self.path = path
        self.sock = sock
        self._mark = _mark(path)

    @classmethod
    def listen(cls, path: Path) -> "LocalSocket":
        """Bind `path`, in the place of what a dead process left there. Raises SocketTaken, and OSError for the rest."""
        private_directory(path.parent)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with _alone(path), _reached(path) as name:
                _clear(path, name)
                _bind(sock, name)
                sock.listen(BACKLOG)
                sock.settimeout(0)
                return cls(path, sock)
        except BaseException as error:
            sock.close()
            if isinstance(error, OSError) and error.errno is not None and error.filename is None:
                error.filename = str(path)  # the kernel's words alone name no file
            raise

    def close(self) -> None:
        """Give up the socket, and its name if that is still ours. Harmless when repeated."""
        self.sock.close()
        with contextlib.suppress(OSError):
            if _mark(self.path) == self._mark:
                self.path.unlink()


def connect(path: Path, timeout: float) -> socket.socket:
    """A connection to the socket at `path`, with `timeout` seconds for this and each later step.

    Whatever is sent may be secret, so the server's user is looked at first. Raises ForeignServer, and OSError for the
    rest.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout)
        with _reached(path) as name:
            sock.connect(name)
        if not _may_be_told(peer_uid(sock)):
            raise ForeignServer(path)
    except BaseException:
        sock.close()
        raise
    return sock


def peer_uid(sock: socket.socket) -> int | None:
    """The user id of the other side, when it connected or began to listen; None where the kernel does not tell."""
    try:
        packed = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    except OSError:
        return None
    uid: int = _CREDENTIALS.unpack(packed)[1]
    return uid


def is_trusted(uid: int | None) -> bool:
    """Whether this is our own user, or root, from whom nothing can be kept anyway."""
    return uid in (0, os.geteuid())


def _may_be_told(uid: int | None) -> bool:
    """Whether to tell secrets to a server of this user. Root trusts whom it asks."""
    return uid is not None and (os.geteuid() in (0, uid) or uid == 0)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time may look at the name and take it: a second one would unlink what the first has bound."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path.with_name(f".{path.name}.lock"), flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _reached(path: Path) -> Iterator[str]:
    """A name of `path` that fits the system call, however long it is: through its directory's descriptor (proc(5))."""
    if len(os.fsencode(path)) <= _LONGEST_NAME:
        yield str(path)
        return
    descriptor = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{path.name}"
    finally:
        os.close(descriptor)


def _clear(path: Path, name: str) -> None:
    """Remove a socket that nobody listens on. Anything else than a socket is not ours to remove: the bind fails."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return
    except FileNotFoundError:
        return
    if _is_alive(name):
        raise SocketTaken(path)
    path.unlink(missing_ok=True)


def _is_alive(name: str) -> bool:
    """Whether a process listens; one whose queue is full does as well."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0)
        try:
            probe.connect(name)
        except BlockingIOError:
            return True
        except (ConnectionRefusedError, FileNotFoundError):
            return False
    return True


def _bind(sock: socket.socket, name: str) -> None:
    """The kernel makes the file with the mode that the mask leaves: there is no moment in which others may connect."""
    before = os.umask(0o177)
    try:
        sock.bind(name)
    finally:
        os.umask(before)


def _mark(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino
