"""Who uses a data directory: any number of processes at a time, or one restore alone.

A lock of the kernel's on the directory itself (flock(2)), which goes with its holder, however that ends. Whoever comes
in first completes a restore that was killed after its decision.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from node.backup.errors import BackupError
from node.backup.swap import finish, is_pending
from node.private_file import private_directory

PATIENCE = 5.0
"""Seconds that who comes in waits for one who has the directory alone: to end a restore takes a moment."""
_PAUSE = 0.05


class DataBusy(OSError):
    """The data directory is in use in a way that leaves no room for this."""


@contextmanager
def in_use(data: Path) -> Iterator[None]:
    """Use the directory for the time of the block, made where it is missing. Raises DataBusy during a restore, OSError.

    Whatever reads or writes the databases does so in here.
    """
    with _opened(data) as directory:
        while True:
            _wait_for_a_share(directory, data)
            if not is_pending(data):
                break
            # Others that came at the same moment hold it as well, until they find the same.
            if _try(directory, fcntl.LOCK_EX):
                _end_restore(data)
            else:
                time.sleep(_PAUSE)
        yield


@contextmanager
def alone(data: Path) -> Iterator[None]:
    """Have the directory alone for the time of the block. Raises DataBusy while anybody uses it, OSError."""
    with _opened(data) as directory:
        if not _try(directory, fcntl.LOCK_EX):
            raise DataBusy(
                f"{data} is in use: stop its node and its panel first (Ctrl-C for alknet up, or systemctl stop "
                "alknet.target), and let a backup under way come to its end"
            )
        if is_pending(data):
            _end_restore(data)
        yield


def _end_restore(data: Path) -> None:
    try:
        finish(data)
    except BackupError as error:
        raise DataBusy(str(error)) from None


@contextmanager
def _opened(data: Path) -> Iterator[int]:
    try:
        private_directory(data)
        directory = os.open(data, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(data)) from None
    try:
        yield directory
    finally:
        os.close(directory)


def _wait_for_a_share(directory: int, data: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not _try(directory, fcntl.LOCK_SH):
        if time.monotonic() > deadline:
            raise DataBusy(f"a restore of {data} is under way")
        time.sleep(_PAUSE)


def _try(directory: int, kind: int) -> bool:
    try:
        fcntl.flock(directory, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
