"""How a regular file is opened that was found and looked at, or that is made."""

import os

from node.handlers.sftp.codec.numbers import OpenFlags
from node.handlers.sftp.directory.held import HeldFile
from node.handlers.sftp.directory.ledger import Ledger
from node.handlers.sftp.directory.walk import Place, by_descriptor

NEW = OpenFlags.CREATE | OpenFlags.EXCLUSIVE
"""What asks for a file that was not there."""
WRITING = OpenFlags.WRITE | OpenFlags.APPEND | OpenFlags.TRUNCATE
_ALWAYS = os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK


def open_existing(node: int, flags: OpenFlags, ledger: Ledger) -> HeldFile:
    """The very file that `node` has open to be looked at."""
    opened = HeldFile(os.open(by_descriptor(node), _mode(flags) | _ALWAYS), ledger)
    if flags & OpenFlags.TRUNCATE:
        try:
            opened.empty()
        except OSError:
            opened.close()
            raise
    return opened


def open_new(place: Place, flags: OpenFlags, permissions: int, ledger: Ledger) -> HeldFile | None:
    """None where somebody else was faster."""
    how = _mode(flags) | _ALWAYS | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        with ledger.one_more():
            return HeldFile(os.open(place.name, how, permissions, dir_fd=place.named()), ledger)
    except FileExistsError:
        return None


def _mode(flags: OpenFlags) -> int:
    """As open(2) has it. Whoever only appends writes too."""
    writes = flags & (OpenFlags.WRITE | OpenFlags.APPEND)
    reads = flags & OpenFlags.READ
    mode = (os.O_RDWR if reads else os.O_WRONLY) if writes else os.O_RDONLY
    return mode | (os.O_APPEND if flags & OpenFlags.APPEND else 0)
