"""Byte streams for the fuzz run, each made of one source of chance: frames that are almost right, and noise."""

import json
import random
import struct
from collections.abc import Callable

from node.core.connection import BiStream

_LENGTH = struct.Struct("!I")
LONGEST = 4096
"""Bytes of noise at most."""

_CLAIM = {"id": "ann", "scopes": ["notes:read"], "resources": {"container": ["a", "b"]}}
_ERROR = {"code": "NOT_FOUND", "message": "operation not found", "retryable": False, "details": {"at": [1, 2]}}
_REQUEST = {"operationId": "/notes/get", "input": {"title": "a\u00fc\U0001f600", "n": [1, -2.5e3, None, True]}}
EVENTS = [
    ("call.requested", _REQUEST),
    ("call.requested", _REQUEST | {"auth_token": "alk_" + "x" * 40, "forwarded_for": _CLAIM}),
    ("call.requested", {"operationId": "a/b", "input": "x" * 2000}),
    ("call.responded", {"output": {"deep": [[[[{"a": {}}]]]]}}),
    ("call.completed", {}),
    ("call.aborted", {}),
    ("call.error", _ERROR),
]
BODIES = [
    json.dumps({"type": kind, "id": f"req-{number}", "payload": payload}, ensure_ascii=number % 2 == 0).encode()
    for number, (kind, payload) in enumerate(EVENTS)
]
TOKENS = [
    *(b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\0", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf"),
    *(b"\\ud800", b"\\u0000", b"1e999", b"-0", b"NaN", b"9" * 400, b"null", b"true", b'"id":', b'"payload":'),
    *(b"[" * 3000, b'{"a":' * 3000, b'"forwarded_for":', b'"auth_token":"', b'"type":"call.aborted",'),
]
LENGTHS = [0, 1, 2**16, 2**26, 2**26 + 1, 2**31, 2**32 - 1]


class Chunks(BiStream):
    """A stream that gives these bytes, no more at once than each chunk has, and then its end."""

    def __init__(self, chunks: list[bytes]) -> None:
        self._chunks = chunks[::-1]

    async def read(self, limit: int = 65_536) -> bytes:
        if not self._chunks:
            return b""
        chunk = self._chunks.pop()
        if len(chunk) > limit:
            self._chunks.append(chunk[limit:])
        return chunk[:limit]

    async def peek(self, count: int) -> bytes:
        return self._chunks[-1][:count] if self._chunks else b""

    async def write(self, data: bytes) -> None:
        raise AssertionError("nothing is written to it")

    def finish(self) -> None: ...

    def reset(self, code: int = 0) -> None: ...


def chunks_of(chance: random.Random) -> list[bytes]:
    """One input: the bytes of a stream, cut anywhere."""
    if chance.random() < 0.2:
        return _cut(chance, _noise(chance))
    return _cut(chance, b"".join(_frame(chance) for _ in range(chance.choice((1, 1, 1, 2, 3)))))


def _noise(chance: random.Random) -> bytes:
    data = chance.randbytes(int(LONGEST ** chance.random()))
    return _LENGTH.pack(len(data)) + data if data and chance.random() < 0.5 else data


def _frame(chance: random.Random) -> bytes:
    """Its length is right more often than not, so that the decoder has its share; or it is broken as well."""
    body = chance.choice(BODIES)
    for _ in range(chance.choice((0, 1, 1, 2, 4, 8))):
        body = chance.choice(MUTATIONS)(chance, body)
    length = len(body) if chance.random() < 0.8 else chance.choice([*LENGTHS, chance.randrange(2 * len(body) + 2)])
    return _LENGTH.pack(length) + body


def _cut(chance: random.Random, data: bytes) -> list[bytes]:
    """In up to four pieces; one that would be empty is left out, for it would mean the end."""
    places = sorted(chance.randrange(len(data) + 1) for _ in range(chance.choice((0, 0, 1, 3))))
    pieces = [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]
    return [piece for piece in pieces if piece]


def _span(chance: random.Random, body: bytes) -> tuple[int, int]:
    start = chance.randrange(len(body) + 1)
    return start, min(len(body), start + chance.randrange(1, 17))


def _flip(chance: random.Random, body: bytes) -> bytes:
    if not body:
        return body
    place = chance.randrange(len(body))
    return body[:place] + bytes([body[place] ^ (1 << chance.randrange(8))]) + body[place + 1 :]


def _drop(chance: random.Random, body: bytes) -> bytes:
    start, end = _span(chance, body)
    return body[:start] + body[end:]


def _repeat(chance: random.Random, body: bytes) -> bytes:
    start, end = _span(chance, body)
    return body[:end] + body[start:end] * chance.choice((1, 2, 50)) + body[end:]


def _insert(chance: random.Random, body: bytes) -> bytes:
    place = chance.randrange(len(body) + 1)
    return body[:place] + chance.choice(TOKENS) + body[place:]


def _overwrite(chance: random.Random, body: bytes) -> bytes:
    start, end = _span(chance, body)
    return body[:start] + chance.randbytes(end - start) + body[end:]


def _truncate(chance: random.Random, body: bytes) -> bytes:
    return body[: chance.randrange(len(body) + 1)]


def _splice(chance: random.Random, body: bytes) -> bytes:
    other = chance.choice(BODIES)
    return body[: chance.randrange(len(body) + 1)] + other[chance.randrange(len(other)) :]


def _nest(chance: random.Random, body: bytes) -> bytes:
    """The whole as the payload of another event."""
    return b'{"type":"call.requested","id":"n","payload":' + body + b"}"


MUTATIONS: list[Callable[[random.Random, bytes], bytes]] = [
    *(_flip, _drop, _repeat, _insert, _overwrite, _truncate, _splice, _nest)
]
