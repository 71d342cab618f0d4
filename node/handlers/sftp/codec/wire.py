"""The few kinds of value that packets are made of, and how each is read and written (§3)."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MAX_PATH = 4096
"""Bytes of a path, as Linux has it."""
MAX_HANDLE = 256
"""Bytes of a handle (§6.3)."""
MAX_PAIRS = 64
"""Extension pairs of one packet, or of one set of attributes."""
MAX_WORD = 1024
"""Bytes of a name of an extension, of what is said of it, and of the words of a status."""
MAX_BODY = 0xFFFF_FFFF
"""What a length can say; the packet around it is bounded."""

DOES_NOT_FIT = "a number does not fit where it belongs"
_TOO_SHORT = "a packet ends before what it announces"
_U32 = struct.Struct(">I")
_U64 = struct.Struct(">Q")


class BadMessage(ValueError):
    """A packet that is none. `request_id` is that of the request, where so much of it could be read."""

    def __init__(self, message: str, request_id: int | None = None) -> None:
        super().__init__(message)
        self.request_id = request_id


class Reader:
    """Takes values off the front of one packet. Each raises BadMessage where the packet ends before."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = memoryview(data)
        self._at = 0

    def take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._data):
            raise BadMessage(_TOO_SHORT)
        taken = bytes(self._data[self._at : end])
        self._at = end
        return taken

    def u32(self) -> int:
        return self._number(_U32)

    def u64(self) -> int:
        return self._number(_U64)

    def string(self, at_most: int) -> bytes:
        length = self.u32()
        if length > at_most:
            raise BadMessage(f"a string is longer than {at_most} bytes")
        return self.take(length)

    def rest(self) -> bytes:
        return self.take(len(self._data) - self._at)

    def _number(self, form: struct.Struct) -> int:
        try:
            (value,) = form.unpack_from(self._data, self._at)
        except struct.error:
            raise BadMessage(_TOO_SHORT) from None
        self._at += form.size
        return int(value)

    @property
    def at_end(self) -> bool:
        return self._at == len(self._data)


@dataclass(frozen=True, slots=True)
class Kind:
    """How one value is read, and how it is written. `write` raises BadMessage for one that has no place there."""

    read: Callable[[Reader], Any]
    write: Callable[[Any], bytes]


def pack_u32(value: int) -> bytes:
    return _packed(_U32, value)


def pack_u64(value: int) -> bytes:
    return _packed(_U64, value)


def pack_string(value: bytes) -> bytes:
    return pack_u32(len(value)) + value


def _packed(form: struct.Struct, value: int) -> bytes:
    try:
        return form.pack(value)
    except struct.error:
        raise BadMessage(DOES_NOT_FIT) from None


def string_of(at_most: int) -> Kind:
    """Bytes with their length before them, so many at most."""

    def write(value: bytes) -> bytes:
        if len(value) > at_most:
            raise BadMessage(f"a string is longer than {at_most} bytes")
        return pack_string(value)

    return Kind(lambda reader: reader.string(at_most), write)


def _read_text(reader: Reader) -> str:
    return reader.string(MAX_WORD).decode("utf-8", "replace") if not reader.at_end else ""


def _write_text(value: str) -> bytes:
    return pack_string(value.encode("utf-8", "replace")[:MAX_WORD])


def read_pairs(reader: Reader, count: int) -> tuple[tuple[bytes, bytes], ...]:
    if count > MAX_PAIRS:
        raise BadMessage(f"there are more than {MAX_PAIRS} extensions")
    return tuple((reader.string(MAX_WORD), reader.string(MAX_WORD)) for _ in range(count))


def write_pairs(pairs: tuple[tuple[bytes, bytes], ...]) -> bytes:
    if len(pairs) > MAX_PAIRS:
        raise BadMessage(f"there are more than {MAX_PAIRS} extensions")
    word = string_of(MAX_WORD)
    return b"".join(word.write(part) for pair in pairs for part in pair)


def _read_all_pairs(reader: Reader) -> tuple[tuple[bytes, bytes], ...]:
    pairs: list[tuple[bytes, bytes]] = []
    while not reader.at_end:
        pairs.extend(read_pairs(reader, 1))
        if len(pairs) > MAX_PAIRS:
            raise BadMessage(f"there are more than {MAX_PAIRS} extensions")
    return tuple(pairs)


U32 = Kind(Reader.u32, pack_u32)
U64 = Kind(Reader.u64, pack_u64)
PATH = string_of(MAX_PATH)
HANDLE = string_of(MAX_HANDLE)
WORD = string_of(MAX_WORD)
CONTENT = string_of(MAX_BODY)
TEXT = Kind(_read_text, _write_text)
"""Words for people; of the two at the end of a status, which old peers leave out, it is empty where there is none."""
PAIRS = Kind(_read_all_pairs, write_pairs)
"""Extension pairs up to the end of the packet."""
REST = Kind(Reader.rest, bytes)
"""All bytes up to the end of the packet."""
