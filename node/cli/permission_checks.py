"""What `alknet doctor` finds out about who may read the files of a data directory."""

import os
from collections.abc import Iterator
from pathlib import Path

from node.core.finding import Finding, Level
from node.settings import Settings

MAX_FILES = 1000
"""Files that are looked at; there are some twenty."""
_OTHERS = 0o077


def permissions(settings: Settings) -> Finding:
    """Whether the files are this user's, and the secrets nobody else's to read."""
    if not settings.data.is_dir():
        return Finding("permissions", Level.FINE, "there are no files yet; the first start makes them")
    secrets = [path for path in _files(settings.paths.secrets) if _mode(path) & _OTHERS]
    if secrets:
        text = f"others may read {_named(secrets)}: chmod -R go= {settings.paths.secrets}"
        return Finding("permissions", Level.PROBLEM, f"{text}; what is in there may be known to them")
    foreign = [path for path in _files(settings.data) if _owner(path) not in (os.geteuid(), None)]
    if foreign:
        text = f"{_named(foreign)} belongs to another user than the one who runs this: run it as the appliance's user"
        return Finding("permissions", Level.WARNING, f"{text}, or chown -R the directory to it")
    open_ones = [path for path in (settings.paths.database, settings.paths.journal) if _mode(path) & _OTHERS]
    if open_ones and _mode(settings.data) & _OTHERS:
        text = f"others may read {_named(open_ones)}: chmod go= {settings.data}"
        return Finding("permissions", Level.WARNING, text)
    return Finding("permissions", Level.FINE, "the files are this user's, and the secrets nobody else's")


def _files(folder: Path) -> Iterator[Path]:
    """The folder and what is in it, to a depth of two, bounded."""
    found = (path for part in (folder, *_children(folder)) for path in (part, *_children(part)))
    yield from dict.fromkeys(path for path, _ in zip(found, range(MAX_FILES), strict=False))


def _children(folder: Path) -> list[Path]:
    try:
        return [] if folder.is_symlink() else sorted(folder.iterdir())
    except OSError:
        return []


def _mode(path: Path) -> int:
    """The permission bits; none of what is not there, or a link."""
    try:
        return 0 if path.is_symlink() else path.stat().st_mode & 0o777
    except OSError:
        return 0


def _owner(path: Path) -> int | None:
    try:
        return path.lstat().st_uid
    except OSError:
        return None


def _named(paths: list[Path]) -> str:
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return ", ".join(map(str, paths[:3])) + more
