"""Files that only their owner may read, written whole or not at all."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path


def private_directory(path: Path) -> Path:
    """Make the directory and all that is missing above it with mode 0700, and leave what exists as it is."""
    if not path.parent.exists():
        private_directory(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def replace_private(path: Path, data: bytes) -> None:
    """Give `path` this content, with mode 0600, whatever it held before. Raises OSError."""
    with _beside(path, data) as written:
        written.replace(path)
    _sync_directory(path.parent)


def create_private(path: Path, data: bytes) -> None:
    """The same, but a file that exists stays: of two processes that start at once, one makes it. Raises OSError."""
    with _beside(path, data) as written:
        try:
            # A link, unlike a rename, fails where the name is taken.
            path.hardlink_to(written)
        except FileExistsError:
            if not path.exists():
                raise  # the name is taken by a symbolic link that leads nowhere
    _sync_directory(path.parent)


@contextlib.contextmanager
def _beside(path: Path, data: bytes) -> Iterator[Path]:
    """A finished file under another name in the same directory, which is gone afterwards unless it was renamed."""
    private_directory(path.parent)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        yield beside
    finally:
        beside.unlink(missing_ok=True)


def _sync_directory(path: Path) -> None:
    """Make the new name outlast a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
