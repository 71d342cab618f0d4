"""Which symbolic links are made: such as programs beside us, which follow them by the kernel, stay below the root by.

A link's `..` come first and are no more than the directories that it is really in. So whatever it leads through, each
further name goes down, or through a link of which the same holds. Nothing is moved to where that would end.
"""

import errno
import os
import stat

from node.handlers.sftp.directory.walk import LOOK, by_descriptor

MAX_MOVED = 10_000
"""Names in a directory that is moved up, with all below it: each has to be looked at."""


def check_target(target: bytes, depth: int) -> None:
    """`depth` is how many directories below the root the link will be. Raises OSError."""
    if not target or b"\0" in target:
        raise OSError(errno.EINVAL, "no target")
    ups = _ups(target)
    if ups is None or ups > depth:
        raise PermissionError(errno.EPERM, "leads out")


def check_moved(node: int, old_depth: int, new_depth: int) -> None:
    """Raises OSError where a link would lead out that did not: this one, or one in this directory."""
    mode = os.fstat(node).st_mode
    if new_depth >= old_depth:
        return
    if stat.S_ISLNK(mode):
        _check_link(os.readlink(b"", dir_fd=node), old_depth, new_depth)
    elif stat.S_ISDIR(mode):
        _check_below(node, old_depth + 1, new_depth + 1, MAX_MOVED)


def _ups(target: bytes) -> int | None:
    """How many directories it goes up; None for what is absolute, or goes up after it went down."""
    names = [name for name in target.split(b"/") if name not in (b"", b".")]
    ups = next((number for number, name in enumerate(names) if name != b".."), len(names))
    return None if target.startswith(b"/") or b".." in names[ups:] else ups


def _check_link(target: bytes, old_depth: int, new_depth: int) -> None:
    ups = _ups(target)
    if ups is not None and new_depth < ups <= old_depth:
        raise PermissionError(errno.EPERM, "would lead out")


def _check_below(directory: int, old_depth: int, new_depth: int, left: int) -> int:
    """How many more names may be looked at after those of this directory. Raises OSError."""
    with os.scandir(by_descriptor(directory).encode()) as entries:
        for entry in entries:
            left -= 1
            if left < 0:
                raise OSError(errno.EXDEV, "too much to be looked at")
            if entry.is_symlink():
                _check_link(os.readlink(entry.name, dir_fd=directory), old_depth, new_depth)
            elif entry.is_dir(follow_symlinks=False):
                left = _check_inside(directory, entry.name, old_depth + 1, new_depth + 1, left)
    return left


def _check_inside(parent: int, name: bytes, old_depth: int, new_depth: int, left: int) -> int:
    inner = os.open(name, LOOK, dir_fd=parent)
    try:
        return _check_below(inner, old_depth, new_depth, left)
    finally:
        os.close(inner)
