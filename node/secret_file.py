"""Secrets that this machine makes for itself: one file each, made on first use, readable by their owner only."""

import secrets
from pathlib import Path

from node.private_file import create_private

MAX_SECRET = 4096
"""Longest secret file that is read, in bytes."""


def read_or_make_secret(path: Path) -> str:
    """The secret in `path`; on first use a fresh one of 256 bits. Safe when several processes start at once."""
    return read_secret(path) or make_secret(path)


def read_secret(path: Path) -> str | None:
    """The secret in `path`, or None where there is none. Raises OSError if it cannot be read or is no text."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_SECRET).decode("ascii").strip() or None
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise OSError(f"{path} holds no secret of ours") from None


def make_secret(path: Path) -> str:
    """Write a fresh secret to `path` unless another process was first; either way the one that counts is returned."""
    create_private(path, secrets.token_urlsafe(32).encode())
    made = read_secret(path)
    if made is None:
        raise OSError(f"{path} is empty or was removed while it was made")
    return made
