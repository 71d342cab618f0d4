"""Looks at what is in one directory below a tree's root, without a descriptor for each directory on the way."""

import os
from collections.abc import Iterator

from node.handlers.sftp.backend import Path
from node.handlers.sftp.directory.walk import MAX_STEPS, Last, by_descriptor, found


def entries_in(root: str, path: Path) -> Iterator["os.DirEntry[bytes]"]:
    """Those of the directory `path`, which may be deeper than any that is asked for. Raises OSError."""
    with (
        found(root, path, Last.ITSELF, MAX_STEPS) as place,
        os.scandir(by_descriptor(place.there()).encode()) as entries,
    ):
        yield from entries
