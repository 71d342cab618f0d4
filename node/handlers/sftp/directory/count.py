"""Counts all of a tree, for its quota."""

import os
import stat
from collections.abc import Iterator

from node.handlers.sftp.backend import Path
from node.handlers.sftp.directory.quota import Usage
from node.handlers.sftp.directory.walk import Last, by_descriptor, found


def usage_below(root: str) -> Usage:
    """Bytes and names below `root`; a file with several names once. What vanishes meanwhile is not there."""
    size = files = 0
    seen: set[tuple[int, int]] = set()
    todo: list[Path] = [()]
    while todo:
        path = todo.pop()
        for name, status in _names(root, path):
            files += 1
            if stat.S_ISDIR(status.st_mode):
                todo.append((*path, name))
            elif status.st_nlink == 1 or (key := (status.st_dev, status.st_ino)) not in seen:
                size += status.st_size if stat.S_ISREG(status.st_mode) else 0
                if status.st_nlink > 1:
                    seen.add(key)
    return Usage(size, files)


def _names(root: str, path: Path) -> Iterator[tuple[bytes, os.stat_result]]:
    """What is in one directory: nothing in one that is gone, that cannot be read, or is too deep to be reached."""
    try:
        with found(root, path, Last.ITSELF) as place, os.scandir(by_descriptor(place.there()).encode()) as entries:
            for entry in entries:
                yield entry.name, entry.stat(follow_symlinks=False)
    except OSError:
        return
