"""Which files are opened at all, and what may be changed of them, however the permissions of the file system stand."""

import errno
import os
import stat
from pathlib import Path

from node.handlers.sftp.codec.attributes import Attributes

PERMISSIONS = 0o777
"""The bits that a client can set and clear. The others make programs run as somebody else."""
_OTHERS = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX
_AS_SOMEBODY_ELSE = stat.S_ISUID | stat.S_ISGID


def check_regular(found: os.stat_result) -> None:
    """Raises OSError for what is no file with content: opening others waits, or does things by itself."""
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a directory")
    if not stat.S_ISREG(found.st_mode):
        raise PermissionError(errno.EACCES, "no regular file")


def check_own(found: os.stat_result, root: str) -> None:
    """Raises PermissionError for a file with several names that is not of the owner of the tree's `root`.

    Somebody may have given it a name here that had none, and may not read it himself.
    """
    if found.st_nlink < 2 or stat.S_ISDIR(found.st_mode):
        return
    owner = Path(root).stat().st_uid
    if found.st_uid not in {owner, os.geteuid() or owner}:  # the superuser's files may be anybody's further names
        raise PermissionError(errno.EACCES, "a further name of somebody's file")


def check_harmless(found: os.stat_result) -> None:
    """Raises PermissionError for a file that is not written to: a program that runs as somebody else."""
    if stat.S_ISREG(found.st_mode) and found.st_mode & _AS_SOMEBODY_ELSE:
        raise PermissionError(errno.EACCES, "a program that runs as somebody else")


def permissions_for(wished: int | None, usual: int, umask: int) -> int:
    """Of what is made: what the client wishes, or what is usual, without what the mask takes away."""
    return (usual if wished is None else wished) & PERMISSIONS & ~umask


def permissions_of(found: os.stat_result, wished: int) -> int:
    """Of what is there. A directory keeps its other bits: who may remove what, and whose group what is made has."""
    kept = found.st_mode & _OTHERS if stat.S_ISDIR(found.st_mode) else 0
    return (wished & PERMISSIONS) | kept


def check_owner_stays(found: os.stat_result, attributes: Attributes) -> None:
    """Raises PermissionError where a client would give a file away. -1 (as four bytes) is no change, as of chown(2)."""
    if attributes.owner is not None:
        for wished, now in zip(attributes.owner, (found.st_uid, found.st_gid), strict=True):
            if wished not in (now, 0xFFFF_FFFF):
                raise PermissionError(errno.EPERM, "files stay whose they are")
