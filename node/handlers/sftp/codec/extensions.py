"""The extensions of OpenSSH that are known here, as its file PROTOCOL describes them: what is in their bodies."""

from dataclasses import dataclass, fields
from typing import Any, ClassVar, TypeVar

from node.handlers.sftp.codec.wire import HANDLE, PATH, U64, Reader

LIMITS = b"limits@openssh.com"
FSYNC = b"fsync@openssh.com"
HARDLINK = b"hardlink@openssh.com"
STATVFS = b"statvfs@openssh.com"
FSTATVFS = b"fstatvfs@openssh.com"
POSIX_RENAME = b"posix-rename@openssh.com"

OFFERED = (
    (POSIX_RENAME, b"1"),
    (STATVFS, b"2"),
    (FSTATVFS, b"2"),
    (HARDLINK, b"1"),
    (FSYNC, b"1"),
    (LIMITS, b"1"),
)
"""What a server says in its VERSION, with the revision of each."""


@dataclass(frozen=True, slots=True)
class TwoPaths:
    """Asked by `hardlink` and `posix-rename`."""

    KINDS: ClassVar = (PATH, PATH)
    old: bytes
    new: bytes


@dataclass(frozen=True, slots=True)
class OnePath:
    """Asked by `statvfs`."""

    KINDS: ClassVar = (PATH,)
    path: bytes


@dataclass(frozen=True, slots=True)
class OneHandle:
    """Asked by `fsync` and `fstatvfs`."""

    KINDS: ClassVar = (HANDLE,)
    handle: bytes


@dataclass(frozen=True, slots=True)
class LimitsReply:
    """Bytes of a packet, of one read and of one write, and files open at a time; 0 is no bound."""

    KINDS: ClassVar = (U64, U64, U64, U64)
    max_packet: int
    max_read: int
    max_write: int
    max_handles: int


@dataclass(frozen=True, slots=True)
class Space:
    """Answered by `statvfs` and `fstatvfs`; its parts are those of statvfs(3), in that order."""

    KINDS: ClassVar = (U64,) * 11
    block_size: int
    fragment_size: int
    blocks: int
    blocks_free: int
    blocks_available: int
    files: int
    files_free: int
    files_available: int
    filesystem: int
    flags: int
    max_name: int


Body = TypeVar("Body", TwoPaths, OnePath, OneHandle, LimitsReply, Space)


def encode_body(body: TwoPaths | OnePath | OneHandle | LimitsReply | Space) -> bytes:
    """What stands after the name of an extension, or in its reply. Raises BadMessage."""
    values = (getattr(body, field.name) for field in fields(body))
    return b"".join(kind.write(value) for kind, value in zip(body.KINDS, values, strict=True))


def decode_body(kind: type[Body], body: bytes) -> Body:
    """Raises BadMessage."""
    reader, known = Reader(body), _kind(kind)
    return known(*(part.read(reader) for part in known.KINDS))  # type: ignore[no-any-return]


def _kind(kind: Any) -> Any:
    return kind
