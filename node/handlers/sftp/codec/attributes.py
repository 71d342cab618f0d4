"""What is told of a file, and asked for it (§5). Each part may be missing."""

import struct
from dataclasses import dataclass

from node.handlers.sftp.codec.numbers import ALL_ATTRIBUTE_FLAGS, AttributeFlags
from node.handlers.sftp.codec.wire import (
    DOES_NOT_FIT,
    BadMessage,
    Kind,
    Reader,
    pack_u32,
    pack_u64,
    read_pairs,
    write_pairs,
)

_ALL = struct.Struct(">IQIIIII")
_USUAL = int(AttributeFlags.SIZE | AttributeFlags.OWNER | AttributeFlags.PERMISSIONS | AttributeFlags.TIMES)
"""The parts that every file of ours has, which are written at once."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """`owner` is (uid, gid); `times` are (access, change) in unix seconds; `permissions` have the kind of file too."""

    size: int | None = None
    owner: tuple[int, int] | None = None
    permissions: int | None = None
    times: tuple[int, int] | None = None
    extended: tuple[tuple[bytes, bytes], ...] | None = None

    @property
    def flags(self) -> AttributeFlags:
        parts = {
            AttributeFlags.SIZE: self.size,
            AttributeFlags.OWNER: self.owner,
            AttributeFlags.PERMISSIONS: self.permissions,
            AttributeFlags.TIMES: self.times,
            AttributeFlags.EXTENDED: self.extended,
        }
        return AttributeFlags(sum(flag for flag, part in parts.items() if part is not None))


def read_attributes(reader: Reader) -> Attributes:
    """Raises BadMessage, also for a part that version 3 does not have: nobody could tell where the next one begins."""
    flags = reader.u32()
    if flags & ~ALL_ATTRIBUTE_FLAGS:
        raise BadMessage("attributes have a part that version 3 does not know")
    size = reader.u64() if flags & AttributeFlags.SIZE else None
    owner = (reader.u32(), reader.u32()) if flags & AttributeFlags.OWNER else None
    permissions = reader.u32() if flags & AttributeFlags.PERMISSIONS else None
    times = (reader.u32(), reader.u32()) if flags & AttributeFlags.TIMES else None
    extended = read_pairs(reader, reader.u32()) if flags & AttributeFlags.EXTENDED else None
    return Attributes(size, owner, permissions, times, extended)


def write_attributes(value: Attributes) -> bytes:
    """Raises BadMessage where a number does not fit."""
    size, owner, permissions, times = value.size, value.owner, value.permissions, value.times
    if size is None or owner is None or permissions is None or times is None or value.extended is not None:
        return _write_parts(value)
    try:
        return _ALL.pack(_USUAL, size, *owner, permissions, *times)
    except struct.error:
        raise BadMessage(DOES_NOT_FIT) from None


def _write_parts(value: Attributes) -> bytes:
    parts = [pack_u32(value.flags)]
    if value.size is not None:
        parts.append(pack_u64(value.size))
    if value.owner is not None:
        parts += map(pack_u32, value.owner)
    if value.permissions is not None:
        parts.append(pack_u32(value.permissions))
    if value.times is not None:
        parts += map(pack_u32, value.times)
    if value.extended is not None:
        parts += [pack_u32(len(value.extended)), write_pairs(value.extended)]
    return b"".join(parts)


ATTRIBUTES = Kind(read_attributes, write_attributes)
