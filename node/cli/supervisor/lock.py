"""One supervisor per data directory: a lock that the kernel drops with its holder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from node.private_file import private_directory


class AlreadyRunning(Exception):
    """Another supervisor holds the data directory."""


@contextmanager
def instance_lock(path: Path) -> Iterator[None]:
    """Hold `path` for the time of the block. Raises AlreadyRunning, naming the holder's process id if it is known."""
    private_directory(path.parent)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read(32).strip() or "unknown"
            raise AlreadyRunning(f"already running for this data directory (process {holder})") from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
