"""Files that only their owner may read, replaced as a whole."""

import os
import secrets
from pathlib import Path


def private_directory(path: Path) -> Path:
    """Make the directory with mode 0700 where it is missing, and leave it as it is where it exists."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def replace_private(path: Path, text: str) -> None:
    """Write `text` with mode 0600 under another name, then rename it: no reader ever sees half of it."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
