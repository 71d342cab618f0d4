"""Files that only their owner may read, written whole or not at all."""

import contextlib
import errno
import glob
import os
import secrets
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_NAME_BYTES = 8
"""Randomness in the name of a file that is not finished yet."""


class UnusableFile(Exception):
    """A private file cannot be used. The message names the file and the cause, never its contents."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


def read_private(path: Path, limit: int, *, forbidden: int = 0o077) -> bytes:
    """The bytes of a file that allows none of the `forbidden` modes and is no longer than `limit`.

    Raises FileNotFoundError where there is none, UnusableFile.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnusableFile(path, f"cannot be read: {error.strerror}") from None
    try:
        _refuse_exposed(path, os.fstat(descriptor), forbidden)
        data = os.read(descriptor, limit + 1)
    except OSError as error:
        raise UnusableFile(path, f"cannot be read: {error.strerror}") from None
    finally:
        os.close(descriptor)
    if len(data) > limit:
        raise UnusableFile(path, "is too long for a key")
    return data


def private_directory(path: Path) -> Path:
    """Make the directory and all that is missing above it with mode 0700, and leave what exists as it is.

    What was made outlasts a power cut, as the files will that are put there. Raises OSError.
    """
    if path.is_dir():
        return path
    private_directory(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    with contextlib.suppress(PermissionError):  # who may write into a directory need not be allowed to read it
        sync_directory(path.parent)
    return path


def replace_private(path: Path, data: bytes) -> None:
    """Give `path` this content, with mode 0600, whatever it held before. Raises OSError."""
    with _beside(path, data) as written:
        written.replace(path)
    sync_directory(path.parent)


def create_private(path: Path, data: bytes) -> None:
    """The same, but a file that exists stays: of two processes that start at once, one makes it. Raises OSError."""
    with _beside(path, data) as written:
        try:
            # A link, unlike a rename, fails where the name is taken.
            path.hardlink_to(written)
        except FileExistsError:
            if not path.exists():
                raise  # the name is taken by a symbolic link that leads nowhere
    sync_directory(path.parent)


@contextlib.contextmanager
def _beside(path: Path, data: bytes) -> Iterator[Path]:
    """A finished file under another name in the same directory, which is gone afterwards unless it was renamed."""
    private_directory(path.parent)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(_NAME_BYTES)}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        yield beside
    finally:
        beside.unlink(missing_ok=True)


@contextlib.contextmanager
def new_private(path: Path) -> Iterator[IO[bytes]]:
    """A file to write that gets its name, with mode 0600, once the block has ended well and all of it is on the disk.

    Whatever else happens, there is no such file. Raises FileExistsError, at the beginning and at the end: what is there
    stays. Raises OSError.
    """
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    beside = path.with_name(f".{path.name}.{secrets.token_hex(_NAME_BYTES)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        path.hardlink_to(beside)  # unlike a rename it fails where the name is taken
    finally:
        beside.unlink(missing_ok=True)
    sync_directory(path.parent)


def remove_unfinished(path: Path) -> None:
    """Take away what a process that was killed while it wrote `path` has left beside it. Raises OSError."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.{'[0-9a-f]' * 2 * _NAME_BYTES}"):
        left.unlink(missing_ok=True)


def sync_directory(path: Path) -> None:
    """Make names that were made or taken away outlast a power cut. Raises OSError."""
    _sync(path, os.O_DIRECTORY)


def sync_file(path: Path) -> None:
    """Make what was written into a file outlast a power cut; a symbolic link is refused. Raises OSError."""
    _sync(path, os.O_NOFOLLOW)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refuse_exposed(path: Path, status: os.stat_result, forbidden: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise UnusableFile(path, "is not a file")
    if status.st_mode & forbidden:
        mode = stat.S_IMODE(status.st_mode)
        remedy = f"make a new key if they may have done so, else: chmod 600 {shlex.quote(str(path))}"
        raise UnusableFile(path, f"may be read by others (mode {mode:04o}); {remedy}")
