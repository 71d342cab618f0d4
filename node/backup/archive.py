"""The archive: a tar of plain files, written in one spelling only and read in no other (POSIX ustar, GNU numbers).

A header is read by its name, size and time; the header that we would have written for these must be the very bytes that
are there. Links, devices, sparse files, extended headers, other modes and whatever else a tar can hold fail by that.
"""

import tarfile
from dataclasses import dataclass
from typing import Protocol

from node.backup.errors import NotABackup

BLOCK = 512
PIECE = 256 * 1024
"""Bytes that are held at a time."""
_NAME, _SIZE, _TIME, _KIND = slice(0, 100), slice(124, 136), slice(136, 148), slice(156, 157)
_KINDS = {b"1": "a hard link", b"2": "a symbolic link", b"3": "a device", b"4": "a device", b"5": "a directory",
          b"6": "a pipe", b"L": "a long name", b"x": "an extended header", b"g": "an extended header"}  # fmt: skip


class Source(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Sink(Protocol):
    def write(self, data: bytes, /) -> object: ...


@dataclass(frozen=True, slots=True)
class Member:
    """What a header says."""

    name: str
    size: int
    time: int


def header(member: Member) -> bytes:
    """The one header of this member, a block long. Raises ValueError where it has none."""
    info = tarfile.TarInfo(member.name)
    info.size, info.mtime, info.mode = member.size, member.time, 0o600
    block = info.tobuf(tarfile.GNU_FORMAT, "ascii", "strict")
    if len(block) != BLOCK:
        raise ValueError("a name that is too long")
    return block


def padding(size: int) -> bytes:
    """What follows a content of that many bytes, up to the end of its last block."""
    return bytes(-size % BLOCK)


END = bytes(2 * BLOCK)


def read_header(source: Source) -> Member | None:
    """The next member, or None at the end of the archive. Raises NotABackup."""
    block = exactly(source, BLOCK)
    if not any(block):
        if exactly(source, BLOCK) != bytes(BLOCK) or source.read(1):
            raise NotABackup("there is something after its end")
        return None
    try:
        member = Member(block[_NAME].rstrip(b"\0").decode("ascii"), _number(block[_SIZE]), _number(block[_TIME]))
        if header(member) == block:
            return member
    except (ValueError, OverflowError):
        pass
    kind = _KINDS.get(block[_KIND], "something")
    raise NotABackup(f"it holds {kind} that no backup has, or is damaged")


def skip_padding(source: Source, size: int) -> None:
    """Raises NotABackup where it is not what was written."""
    if exactly(source, -size % BLOCK) != padding(size):
        raise NotABackup("it is damaged: there is something between two files")


def exactly(source: Source, size: int) -> bytes:
    """So many bytes. Raises NotABackup where there are fewer."""
    data = source.read(size) if size else b""
    while len(data) < size:
        part = source.read(size - len(data))
        if not part:
            raise NotABackup("it ends too early")
        data += part
    return data


def _number(field: bytes) -> int:
    """Octal digits, or from 8 GiB on 0x80 and a binary number. Raises ValueError."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    return int(field.rstrip(b"\0 "), 8)
