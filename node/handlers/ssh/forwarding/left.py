"""Unix sockets that a node which was killed has left behind: each that is made is noted, and the next start looks.

A note is a symbolic link to the socket, made and taken away in one step, whose name says which very file it is: its
device, its number there, and when it was last changed. What is not that file is nobody's business here.
"""

import contextlib
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

from node.handlers.ssh.forwarding.sockets import Found, Spot
from node.private_file import private_directory


class Left:
    """The notes of one node, in a directory of its own; without one nothing is noted."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory

    def note(self, spot: Spot) -> Callable[[], None]:
        """Note the socket that was made there; what is returned forgets it. What cannot be noted does without."""
        if self._directory is None or spot.made is None:
            return _nothing
        try:
            note = private_directory(self._directory) / _name(spot.made)
            note.symlink_to(spot.path)
        except OSError:
            return _nothing

        def forget() -> None:
            with contextlib.suppress(OSError):
                note.unlink()

        return forget

    def clear(self) -> int:
        """Remove what was noted, is still the same, and is listened on by nobody. How many there were."""
        notes = [] if self._directory is None or not self._directory.is_dir() else list(self._directory.iterdir())
        return sum(map(_clear, notes))


def _name(at: os.stat_result) -> str:
    return f"{at.st_dev:x}-{at.st_ino:x}-{at.st_ctime_ns:x}"


def _nothing() -> None:
    """There is no note."""


def _clear(note: Path) -> bool:
    """Whether a socket was removed. The note goes, unless somebody listens still."""
    try:
        path = str(note.readlink())
        removed = _remove(path, note.name)
    except BlockingIOError:
        return False
    except OSError:
        removed = False
    with contextlib.suppress(OSError):
        note.unlink()
    return removed


def _remove(path: str, name: str) -> bool:
    """Raises OSError, which is BlockingIOError where somebody listens."""
    with contextlib.closing(Spot(path)) as spot, contextlib.closing(Found(spot.here, os.O_NOFOLLOW)) as found:
        at = Path(found.held).stat()
        if found.path != path or not stat.S_ISSOCK(at.st_mode) or _name(at) != name:
            return False
        if _is_listened_on(found):
            raise BlockingIOError
        Path(spot.here).unlink()
    return True


def _is_listened_on(found: Found) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(0)
        try:
            asking.connect(found.held)
        except ConnectionRefusedError:
            return False
        except OSError:
            return True
    return True
