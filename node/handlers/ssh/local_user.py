"""Whom programs run as: a user of this machine, who is root only where the settings say so by name."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from node.handlers.ssh.errors import CannotRun


@dataclass(frozen=True, slots=True)
class LocalUser:
    """`switch` is what a process that is root has to become, and None for one that is this user already."""

    name: str
    home: str
    switch: tuple[int, int, tuple[int, ...]] | None = None
    """User, group, and every group of the user."""

    def directory(self, wanted: str) -> str:
        """Where a program of this user starts: `wanted`, else the home, else the root of the file system."""
        if wanted:
            return wanted
        return self.home if Path(self.home).is_dir() else "/"


def local_user(name: str) -> LocalUser:
    """The user that the settings name, or this process's own for "". Raises CannotRun."""
    own = os.geteuid()
    if not name and own == 0:
        raise CannotRun("the node runs as root: name the user that programs run as in the setting ssh.user")
    try:
        entry = pwd.getpwnam(name) if name else pwd.getpwuid(own)
    except KeyError:
        raise CannotRun(f"there is no local user {name or own}") from None
    if own == 0:
        groups = tuple(os.getgrouplist(entry.pw_name, entry.pw_gid))
        return LocalUser(entry.pw_name, entry.pw_dir, (entry.pw_uid, entry.pw_gid, groups))
    if entry.pw_uid != own:
        raise CannotRun(f"only a node that runs as root can run programs as {entry.pw_name}")
    return LocalUser(entry.pw_name, entry.pw_dir)
