"""What is told of a file: its attributes, and its line as `ls -l` shows it."""

import os
import stat
import time

from node.handlers.sftp.codec.attributes import Attributes
from node.handlers.sftp.codec.packets import Entry

_U32 = 0xFFFF_FFFF
_HALF_A_YEAR = 182 * 86_400
_UNSEEN = bytes(range(32)) + b"\x7f"
_SEEN = bytes.maketrans(_UNSEEN, b"?" * len(_UNSEEN))


def attributes_of(found: os.stat_result) -> Attributes:
    """Times before 1970, and after 2106, have no place in version 3, and are told as the nearest that have."""
    return Attributes(
        size=found.st_size,
        owner=(found.st_uid & _U32, found.st_gid & _U32),
        permissions=found.st_mode,
        times=(_second(found.st_atime), _second(found.st_mtime)),
    )


def entry_of(name: bytes, found: os.stat_result) -> Entry:
    return Entry(name, long_name(name, found), attributes_of(found))


def long_name(name: bytes, found: os.stat_result) -> bytes:
    """As `ls -l` has it, in UTC and with numbers for names of users."""
    who = f"{found.st_uid:<8} {found.st_gid:<8}"
    line = f"{stat.filemode(found.st_mode)} {found.st_nlink:>4} {who} {found.st_size:>12} {_date(found.st_mtime)} "
    return line.encode() + seen(name)


def seen(name: bytes) -> bytes:
    """A name for people: what would steer a terminal is a question mark."""
    return name.translate(_SEEN)


def _date(changed: float) -> str:
    """Day and time, or day and year of what is long ago, or to come."""
    second, now = _second(changed), time.time()
    recent = now - _HALF_A_YEAR < second <= now + 60
    return time.strftime("%b %e %H:%M" if recent else "%b %e  %Y", time.gmtime(second))


def _second(moment: float) -> int:
    return min(max(int(moment), 0), _U32)
