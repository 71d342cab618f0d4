"""A stream sealed under a key of its own: AES-256-GCM in chunks, by the STREAM construction (Hoang et al., 2015).

    magic · 4 bytes, big-endian: length of the header · header (JSON) · chunks of 64 KiB and a tag of 16 bytes each

The key is fresh for each file, so a nonce is a counter: 7 zero bytes, 4 of the chunk's number, and 1 in the last chunk
only. By that a file that was cut short, even between two chunks, is found out, as are swapped and doubled chunks. The
header, which holds the key as the node's vault has sealed it, is bound to every chunk as additional data.
"""

import hashlib
import json
import struct
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Protocol

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Meta

from node.backup.archive import Sink, Source, exactly
from node.backup.errors import NotABackup, Unfit

MAGIC = b"alknet sealed backup\n"
VERSION = 1
CHUNK = 64 * 1024
TAG = 16
KEY_BYTES = 32
LONGEST_HEADER = 16 * 1024
_LENGTH = struct.Struct(">I")
_NONCE = struct.Struct(">7xI?")

Blob = Mapping[str, Any]
"""A text sealed by the vault: `key_version`, `salt`, `iv` and `data` (spec vault §9)."""
OpenKey = Callable[["Header"], bytes]
"""Gives the key of a file by its header. Raises KeyNeeded."""


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a sealed backup says in the open."""

    version: int = VERSION
    box: Annotated[str, Meta(pattern=r"\Aed25519:[0-9a-f]{64}\Z")] | None
    """Whose words open it."""
    key: dict[str, Annotated[str, Meta(max_length=4096)] | int]
    """The key of this file, sealed by that box's vault."""


class _Closable(Protocol):
    def close(self) -> None: ...


class SealedWriter:
    """Takes bytes, and writes chunks. `finish` writes the last one; without it nothing opens what was written."""

    def __init__(self, sink: Sink, key: bytes, header: Header) -> None:
        raw = msgspec.json.encode(header)
        self._sink, self._cipher = sink, AESGCM(key)
        self._open = MAGIC + _LENGTH.pack(len(raw)) + raw
        self._bound = hashlib.sha256(self._open).digest()
        self._held = bytearray()
        self._number = 0
        sink.write(self._open)

    def write(self, data: bytes) -> None:
        self._held += data
        while len(self._held) > CHUNK:  # a full one may be the last
            self._put(bytes(self._held[:CHUNK]), last=False)
            del self._held[:CHUNK]

    def finish(self) -> None:
        self._put(bytes(self._held), last=True)

    def _put(self, chunk: bytes, *, last: bool) -> None:
        self._sink.write(self._cipher.encrypt(_NONCE.pack(self._number, last), chunk, self._bound))
        self._number += 1


class SealedReader:
    """Gives the bytes that were sealed, each chunk proven before any of it. Raises NotABackup."""

    def __init__(self, source: Source, header: "OpenHeader", key: bytes) -> None:
        self._source, self._cipher, self._bound = source, AESGCM(key), header.bound
        self._ahead = source.read(CHUNK + TAG)
        self._opened = b""
        self._at = 0
        self._number = 0

    def read(self, size: int) -> bytes:
        while self._at == len(self._opened):
            if not self._ahead:
                return b""
            self._opened, self._at = self._next(), 0
        part = self._opened[self._at : self._at + size]
        self._at += len(part)
        return part

    def _next(self) -> bytes:
        chunk, self._ahead = self._ahead, self._whole_chunk()
        try:
            opened = self._cipher.decrypt(_NONCE.pack(self._number, not self._ahead), chunk, self._bound)
        except (InvalidTag, ValueError):
            where = "at its beginning: its key is another, or it" if self._number == 0 else "further in: it"
            raise NotABackup(f"it cannot be opened {where} was changed or cut short") from None
        self._number += 1
        return opened

    def _whole_chunk(self) -> bytes:
        data = self._source.read(CHUNK + TAG)
        while 0 < len(data) < CHUNK + TAG and (more := self._source.read(CHUNK + TAG - len(data))):
            data += more
        return data


class OpenHeader(msgspec.Struct, frozen=True):
    """A header as it was read, and what binds the chunks to it."""

    header: Header
    bound: bytes


def read_open_header(source: Source) -> OpenHeader:
    """The header after the magic. Raises NotABackup, Unfit."""
    length = exactly(source, _LENGTH.size)
    size: int = _LENGTH.unpack(length)[0]
    if size > LONGEST_HEADER:
        raise NotABackup("its header is too long")
    raw = exactly(source, size)
    try:
        seen = json.loads(raw)
        if isinstance(seen, dict) and seen.get("version") != VERSION:
            raise Unfit(f"it is sealed in format {seen.get('version')!r:.20}; this version reads format {VERSION} only")
        header = msgspec.json.decode(raw, type=Header)
    except (ValueError, RecursionError):
        raise NotABackup("its header is damaged") from None
    return OpenHeader(header, hashlib.sha256(MAGIC + length + raw).digest())
