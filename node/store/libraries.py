"""Refusing to run with two SQLite libraries in one process (decision 13).

POSIX file locks belong to the process: with two copies of SQLite, closing a file in one drops the locks of the other,
and both may be let in as the only writer. Commits are lost without an error.
"""

import re
from pathlib import Path

_MAPS = Path("/proc/self/maps")
_SHARED = re.compile(r"libsqlite3[^/]*\.so[^/]*")
_MARK = b"SQLite format 3\x00"
"""The first bytes of every SQLite file, and so a constant of every copy of the library."""


class TwoSqliteLibraries(RuntimeError):
    """More than one copy of SQLite is mapped into this process; the message names their files."""

    def __init__(self, paths: list[str]) -> None:
        super().__init__(
            f"this process holds {len(paths)} copies of SQLite, which would corrupt each other's files: "
            f"{', '.join(paths)}. Install honker as scripts/up does, so that it shares the system's copy"
        )
        self.paths = paths


def sqlite_libraries() -> list[str]:
    """The mapped files that contain SQLite, shared libraries and modules with a copy inside; none without /proc."""
    try:
        lines = _MAPS.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return []
    files = {(device, inode): path for device, inode, path in map(_executable, lines) if path}
    return sorted(path for path in files.values() if _holds_sqlite(path))


def require_one_sqlite() -> None:
    """Call it when everything that brings SQLite is imported. Raises TwoSqliteLibraries."""
    libraries = sqlite_libraries()
    if len(libraries) > 1:
        raise TwoSqliteLibraries(libraries)


def _executable(line: str) -> tuple[str, str, str]:
    """(device, inode, path) of a mapping of program code; an empty path for any other line (proc(5))."""
    fields = line.split(None, 5)
    if len(fields) < 6 or "x" not in fields[1] or not fields[5].startswith("/"):
        return "", "", ""
    return fields[3], fields[4], fields[5].removesuffix(" (deleted)")


def _holds_sqlite(path: str) -> bool:
    """By its name, or else by its content; a file that is gone or not readable is judged by its name alone."""
    if _SHARED.fullmatch(Path(path).name):
        return True
    try:
        return _MARK in Path(path).read_bytes()
    except OSError:
        return False
