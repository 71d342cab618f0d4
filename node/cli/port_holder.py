"""Who has a port of this machine, by what Linux tells in /proc. Elsewhere, and of other users, less is known."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

Protocol = Literal["tcp", "udp"]

_PROC = Path("/proc")
_LISTENING = "0A"
"""TCP_LISTEN, as /proc/net/tcp has it."""


class Holder(NamedTuple):
    """A process with an open port. `pid` is 0 where the system does not say which one it is."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.name})" if self.pid else self.name


def holder(protocol: Protocol, port: int) -> Holder | None:
    """Whoever has this port, on any address; None where nobody has, or it cannot be told."""
    for uid, inode in _sockets(protocol, port):
        return _process_of(inode) or Holder(0, f"a process of user {uid}")
    return None


def _sockets(protocol: Protocol, port: int) -> Iterator[tuple[int, str]]:
    """The owner and the inode of each socket on the port (proc(5))."""
    for version in ("", "6"):
        try:
            lines = (_PROC / "net" / f"{protocol}{version}").read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            local, state, uid, inode = fields[1], fields[3], fields[7], fields[9]
            if int(local.rpartition(":")[2], 16) == port and (protocol == "udp" or state == _LISTENING):
                yield int(uid), inode


def _process_of(inode: str) -> Holder | None:
    """The process that has the socket open, where this user may see that."""
    for folder in _PROC.glob("[0-9]*"):
        if _has_open(folder, f"socket:[{inode}]"):
            return Holder(int(folder.name), _name(folder))
    return None


def _has_open(folder: Path, target: str) -> bool:
    try:
        return any(str(link.readlink()) == target for link in (folder / "fd").iterdir())
    except OSError:
        return False


def _name(folder: Path) -> str:
    try:
        return (folder / "comm").read_text().strip() or "unnamed"
    except OSError:
        return "unnamed"
