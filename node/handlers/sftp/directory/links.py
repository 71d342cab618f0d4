"""Which symbolic links are made: such as programs beside us, which follow them by the kernel, stay below the root by.

A link's `..` come first and are no more than the directories that it is really in. So whatever it leads through, each
further name goes down, or through a link of which the same holds. Nothing is moved to where that would end.
"""

import errno
import os
import stat

from node.handlers.sftp.backend import Path
from node.handlers.sftp.codec.numbers import Status
from node.handlers.sftp.directory.entries import entries_in
from node.handlers.sftp.directory.walk import by_descriptor
from node.handlers.sftp.refusals import Refused

MAX_MOVED = 1_000_000
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
    if new_depth >= old_depth:
        return
    mode = os.fstat(node).st_mode
    if stat.S_ISLNK(mode):
        _check_link(os.readlink(b"", dir_fd=node), old_depth, new_depth)
    elif stat.S_ISDIR(mode):
        _check_below(by_descriptor(node), old_depth + 1, new_depth + 1)


def _ups(target: bytes) -> int | None:
    """How many directories it goes up; None for what is absolute, or goes up after it went down."""
    names = [name for name in target.split(b"/") if name not in (b"", b".")]
    ups = next((number for number, name in enumerate(names) if name != b".."), len(names))
    return None if target.startswith(b"/") or b".." in names[ups:] else ups


def _check_link(target: bytes, old_depth: int, new_depth: int) -> None:
    ups = _ups(target)
    if ups is not None and new_depth < ups <= old_depth:
        raise PermissionError(errno.EPERM, "would lead out")


def _check_below(root: str, old_depth: int, new_depth: int) -> None:
    """Of all in this directory, which itself is one less deep."""
    todo: list[Path] = [()]
    left = MAX_MOVED
    while todo:
        path = todo.pop()
        for entry in entries_in(root, path):
            left -= 1
            if left < 0:
                raise Refused(Status.FAILURE, "there is too much in it that has to be looked at first")
            if entry.is_symlink():
                _check_link(os.readlink(entry.path), old_depth + len(path), new_depth + len(path))  # noqa: PTH115 - bytes
            elif entry.is_dir(follow_symlinks=False):
                todo.append((*path, entry.name))
