"""Files that hold a secret: made whole or not at all, readable by their owner only."""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

MAX_SECRET = 4096
"""Longest secret file that is read, in bytes."""


def read_or_make_secret(path: Path) -> str:
    """The secret in `path`; on first use a fresh one of 256 bits. Safe when several processes start at once."""
    return read_secret(path) or make_secret(path)


def read_secret(path: Path) -> str | None:
    """The secret in `path`, or None where there is none."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_SECRET).decode("ascii").strip() or None
    except FileNotFoundError:
        return None


def make_secret(path: Path) -> str:
    """Write a fresh secret to `path` unless another process was first; either way the one that counts is returned."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".new-") as file:  # mode 0600 from its making
        file.write(secrets.token_urlsafe(32))
        file.flush()
        os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(file.name, path)
    made = read_secret(path)
    if made is None:
        raise OSError(f"{path} is empty or was removed while it was made")
    return made
