"""The 27 packets of version 3, each a dataclass whose `KINDS` say how its fields go over the wire, in their order."""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from node.handlers.sftp.codec.attributes import ATTRIBUTES, Attributes
from node.handlers.sftp.codec.numbers import ALL_OPEN_FLAGS, VERSION, OpenFlags, PacketType, Status
from node.handlers.sftp.codec.wire import (
    CONTENT,
    HANDLE,
    MAX_PATH,
    PAIRS,
    PATH,
    REST,
    TEXT,
    U32,
    U64,
    WORD,
    BadMessage,
    Kind,
    Reader,
    pack_string,
    pack_u32,
)

MAX_ENTRIES = 4096
"""Names in one answer."""
MAX_LONGNAME = 1024
"""Bytes of a name as `ls -l` shows it, beyond the name itself."""

_STATUSES = frozenset(Status)

Pairs: TypeAlias = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One name of an answer: as it is, as `ls -l` would show it, and what is known of it."""

    filename: bytes
    longname: bytes
    attributes: Attributes


def _read_flags(reader: Reader) -> OpenFlags:
    flags = reader.u32()
    if flags & ~ALL_OPEN_FLAGS:
        raise BadMessage("a file is to be opened in a way that version 3 does not know")
    return OpenFlags(flags)


def _read_entries(reader: Reader) -> tuple[Entry, ...]:
    count = reader.u32()
    if count > MAX_ENTRIES:
        raise BadMessage(f"there are more than {MAX_ENTRIES} names")
    return tuple(
        Entry(PATH.read(reader), reader.string(MAX_PATH + MAX_LONGNAME), ATTRIBUTES.read(reader)) for _ in range(count)
    )


def _write_entries(entries: tuple[Entry, ...]) -> bytes:
    return pack_u32(len(entries)) + b"".join(map(_write_entry, entries))


def _write_entry(entry: Entry) -> bytes:
    return pack_string(entry.filename) + pack_string(entry.longname) + ATTRIBUTES.write(entry.attributes)


def _read_status(reader: Reader) -> int:
    code = reader.u32()
    return Status(code) if code in _STATUSES else code


FLAGS = Kind(_read_flags, pack_u32)
ENTRIES = Kind(_read_entries, _write_entries)
STATUS = Kind(_read_status, pack_u32)


@dataclass(frozen=True, slots=True)
class Init:
    """The client's first packet."""

    TYPE: ClassVar = PacketType.INIT
    KINDS: ClassVar = (U32, PAIRS)
    version: int = VERSION
    extensions: Pairs = ()


@dataclass(frozen=True, slots=True)
class Version:
    """The server's answer to it, with the extensions that it has."""

    TYPE: ClassVar = PacketType.VERSION
    KINDS: ClassVar = (U32, PAIRS)
    version: int = VERSION
    extensions: Pairs = ()


@dataclass(frozen=True, slots=True)
class Open:
    """§6.3. The attributes are those of a file that is made."""

    TYPE: ClassVar = PacketType.OPEN
    KINDS: ClassVar = (U32, PATH, FLAGS, ATTRIBUTES)
    request_id: int
    path: bytes
    flags: OpenFlags
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Close:
    """§6.3."""

    TYPE: ClassVar = PacketType.CLOSE
    KINDS: ClassVar = (U32, HANDLE)
    request_id: int
    handle: bytes


@dataclass(frozen=True, slots=True)
class Read:
    """§6.4."""

    TYPE: ClassVar = PacketType.READ
    KINDS: ClassVar = (U32, HANDLE, U64, U32)
    request_id: int
    handle: bytes
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Write:
    """§6.4."""

    TYPE: ClassVar = PacketType.WRITE
    KINDS: ClassVar = (U32, HANDLE, U64, CONTENT)
    request_id: int
    handle: bytes
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Lstat:
    """§6.8. Of a symbolic link itself."""

    TYPE: ClassVar = PacketType.LSTAT
    KINDS: ClassVar = (U32, PATH)
    request_id: int
    path: bytes


@dataclass(frozen=True, slots=True)
class Fstat:
    """§6.8."""

    TYPE: ClassVar = PacketType.FSTAT
    KINDS: ClassVar = (U32, HANDLE)
    request_id: int
    handle: bytes


@dataclass(frozen=True, slots=True)
class Setstat:
    """§6.9."""

    TYPE: ClassVar = PacketType.SETSTAT
    KINDS: ClassVar = (U32, PATH, ATTRIBUTES)
    request_id: int
    path: bytes
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Fsetstat:
    """§6.9."""

    TYPE: ClassVar = PacketType.FSETSTAT
    KINDS: ClassVar = (U32, HANDLE, ATTRIBUTES)
    request_id: int
    handle: bytes
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Opendir:
    """§6.7."""

    TYPE: ClassVar = PacketType.OPENDIR
    KINDS: ClassVar = (U32, PATH)
    request_id: int
    path: bytes


@dataclass(frozen=True, slots=True)
class Readdir:
    """§6.7. Asks for some more names."""

    TYPE: ClassVar = PacketType.READDIR
    KINDS: ClassVar = (U32, HANDLE)
    request_id: int
    handle: bytes


@dataclass(frozen=True, slots=True)
class Remove:
    """§6.5."""

    TYPE: ClassVar = PacketType.REMOVE
    KINDS: ClassVar = (U32, PATH)
    request_id: int
    path: bytes


@dataclass(frozen=True, slots=True)
class Mkdir:
    """§6.6."""

    TYPE: ClassVar = PacketType.MKDIR
    KINDS: ClassVar = (U32, PATH, ATTRIBUTES)
    request_id: int
    path: bytes
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Rmdir:
    """§6.6."""

    TYPE: ClassVar = PacketType.RMDIR
    KINDS: ClassVar = (U32, PATH)
    request_id: int
    path: bytes


@dataclass(frozen=True, slots=True)
class Realpath:
    """§6.11."""

    TYPE: ClassVar = PacketType.REALPATH
    KINDS: ClassVar = (U32, PATH)
    request_id: int
    path: bytes


@dataclass(frozen=True, slots=True)
class Stat:
    """§6.8. Of what a symbolic link leads to."""

    TYPE: ClassVar = PacketType.STAT
    KINDS: ClassVar = (U32, PATH)
    request_id: int
    path: bytes


@dataclass(frozen=True, slots=True)
class Rename:
    """§6.5. Never onto a name that exists."""

    TYPE: ClassVar = PacketType.RENAME
    KINDS: ClassVar = (U32, PATH, PATH)
    request_id: int
    old: bytes
    new: bytes


@dataclass(frozen=True, slots=True)
class Readlink:
    """§6.10."""

    TYPE: ClassVar = PacketType.READLINK
    KINDS: ClassVar = (U32, PATH)
    request_id: int
    path: bytes


@dataclass(frozen=True, slots=True)
class Symlink:
    """§6.10, with its paths in the order in which OpenSSH, and so everybody, sends them."""

    TYPE: ClassVar = PacketType.SYMLINK
    KINDS: ClassVar = (U32, PATH, PATH)
    request_id: int
    target: bytes
    link: bytes


@dataclass(frozen=True, slots=True)
class Extended:
    """§8. A request that is none of the draft's."""

    TYPE: ClassVar = PacketType.EXTENDED
    KINDS: ClassVar = (U32, WORD, REST)
    request_id: int
    name: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class StatusReply:
    """§7. The message is for people."""

    TYPE: ClassVar = PacketType.STATUS
    KINDS: ClassVar = (U32, STATUS, TEXT, TEXT)
    request_id: int
    code: int
    message: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class HandleReply:
    """§7."""

    TYPE: ClassVar = PacketType.HANDLE
    KINDS: ClassVar = (U32, HANDLE)
    request_id: int
    handle: bytes


@dataclass(frozen=True, slots=True)
class DataReply:
    """§7."""

    TYPE: ClassVar = PacketType.DATA
    KINDS: ClassVar = (U32, CONTENT)
    request_id: int
    data: bytes


@dataclass(frozen=True, slots=True)
class NameReply:
    """§7."""

    TYPE: ClassVar = PacketType.NAME
    KINDS: ClassVar = (U32, ENTRIES)
    request_id: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class AttributesReply:
    """§7."""

    TYPE: ClassVar = PacketType.ATTRS
    KINDS: ClassVar = (U32, ATTRIBUTES)
    request_id: int
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class ExtendedReply:
    """§8."""

    TYPE: ClassVar = PacketType.EXTENDED_REPLY
    KINDS: ClassVar = (U32, REST)
    request_id: int
    body: bytes


Request: TypeAlias = (
    Open | Close | Read | Write | Lstat | Fstat | Setstat | Fsetstat | Opendir | Readdir | Remove | Mkdir | Rmdir
    | Realpath | Stat | Rename | Readlink | Symlink | Extended
)  # fmt: skip
Reply: TypeAlias = StatusReply | HandleReply | DataReply | NameReply | AttributesReply | ExtendedReply
Packet: TypeAlias = Init | Version | Request | Reply

PACKETS: dict[int, type[Packet]] = {
    kind.TYPE: kind
    for kind in (
        Init, Version, Open, Close, Read, Write, Lstat, Fstat, Setstat, Fsetstat, Opendir, Readdir, Remove, Mkdir,
        Rmdir, Realpath, Stat, Rename, Readlink, Symlink, StatusReply, HandleReply, DataReply, NameReply,
        AttributesReply, Extended, ExtendedReply,
    )
}  # fmt: skip
"""Every packet by the byte that it begins with."""
