"""Counts all of a tree, for its quota."""

import errno
import os
import stat

from node.handlers.sftp.backend import Path
from node.handlers.sftp.directory.entries import entries_in
from node.handlers.sftp.directory.quota import Usage

_TOO_DEEP = (errno.ENAMETOOLONG, errno.ELOOP)


class _Count:
    """So far. What vanishes meanwhile is not there, nor is what cannot be read."""

    def __init__(self) -> None:
        self.size = self.files = self.unseen = 0
        self.todo: list[Path] = [()]
        self._seen: set[tuple[int, int]] = set()

    def add_all(self, root: str, path: Path) -> None:
        try:
            for entry in entries_in(root, path):
                self._add(path, entry.name, entry.stat(follow_symlinks=False))
        except OSError as error:
            self.unseen += error.errno in _TOO_DEEP

    def _add(self, path: Path, name: bytes, found: os.stat_result) -> None:
        self.files += 1
        if stat.S_ISDIR(found.st_mode):
            self.todo.append((*path, name))
        elif stat.S_ISREG(found.st_mode) and self._is_first(found):
            self.size += found.st_size

    def _is_first(self, found: os.stat_result) -> bool:
        """Of the names of this file."""
        if found.st_nlink == 1:
            return True
        key, before = (found.st_dev, found.st_ino), len(self._seen)
        self._seen.add(key)
        return len(self._seen) > before


def usage_below(root: str) -> Usage:
    """Bytes and names below `root`; a file with several names once."""
    count = _Count()
    while count.todo:
        count.add_all(root, count.todo.pop())
    return Usage(count.size, count.files, count.unseen)
