"""The one-time code of an invitation: where the node is, by which key it is known, and a secret of 128 bits.

    node.example.org:4433/06ZJ4-QK0YR-…

Before the slash stands the address, in plain sight. After it, in groups of five characters of Crockford's base 32:
one byte of version, the 32 bytes of the node's Ed25519 key, the secret, and four bytes by which a mistyped code is
found out before anything is sent. Case, spaces and hyphens do not matter; I and L are read as 1, O as 0.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass, field

from node.core.address import AddressFormatError, format_host_port, parse_host_port
from node.core.fingerprint import is_fingerprint

SECRET_BYTES = 16
MAX_CODE = 512
"""Longest text that is looked at, in characters."""
_VERSION = 1
_KEY_MARK = "ed25519:"
_KEY_BYTES = 32
_CHECK_BYTES = 4
_GROUP = 5
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)} | {"I": 1, "L": 1, "O": 0}
_BLANKS = re.compile(r"[\s-]")
_BODY_BYTES = 1 + _KEY_BYTES + SECRET_BYTES + _CHECK_BYTES


class CodeError(ValueError):
    """The text is no code. The message says why, and never repeats the text."""


@dataclass(frozen=True, slots=True)
class InviteCode:
    """`address` is HOST:PORT in lower case, `fingerprint` that of the node's key."""

    address: str
    fingerprint: str
    secret: bytes = field(repr=False)

    def text(self) -> str:
        """As people are given it. It is the secret itself: shown once, and never logged."""
        body = bytes([_VERSION]) + bytes.fromhex(self.fingerprint.removeprefix(_KEY_MARK)) + self.secret
        digits = _encode(body + _check(self.address, body))
        return f"{self.address}/{'-'.join(digits[at : at + _GROUP] for at in range(0, len(digits), _GROUP))}"


def new_code(address: str, fingerprint: str) -> InviteCode:
    """A code that nobody has had before. Raises CodeError where a node of that kind cannot be named in one."""
    if not fingerprint.startswith(_KEY_MARK) or not is_fingerprint(fingerprint):
        raise CodeError("a code names a node by its Ed25519 key")
    return InviteCode(_address(address), fingerprint, secrets.token_bytes(SECRET_BYTES))


def parse_code(text: str) -> InviteCode:
    """The code that somebody typed, pasted or scanned. Raises CodeError."""
    if len(text) > MAX_CODE:
        raise CodeError(f"longer than {MAX_CODE} characters")
    place, slash, digits = text.strip().rpartition("/")
    if not slash:
        raise CodeError("expected HOST:PORT/CODE")
    address = _address("".join(place.split()))
    raw = _decode(_BLANKS.sub("", digits).upper())
    body, check = raw[:-_CHECK_BYTES], raw[-_CHECK_BYTES:]
    if _check(address, body) != check:
        raise CodeError("a character of it is wrong: please compare it with the original")
    if body[0] != _VERSION:
        raise CodeError("it is of a newer version than this program")
    return InviteCode(address, _KEY_MARK + body[1 : 1 + _KEY_BYTES].hex(), body[1 + _KEY_BYTES :])


def _address(text: str) -> str:
    try:
        host, port = parse_host_port(text.lower())
    except AddressFormatError as error:
        raise CodeError(str(error)) from None
    if not host.isascii() or "%" in host or port == 0:
        raise CodeError("expected a host and a port that another machine reaches")
    return format_host_port((host, port))


def _check(address: str, body: bytes) -> bytes:
    """Of the address too: a mistyped one is told from a node that does not answer."""
    return hashlib.sha256(b"alknet invite code\0" + address.encode() + b"\0" + body).digest()[:_CHECK_BYTES]


def _encode(raw: bytes) -> str:
    """Five bits a character, the last one filled up with zeros."""
    count = -(-len(raw) * 8 // 5)
    number = int.from_bytes(raw, "big") << (count * 5 - len(raw) * 8)
    return "".join(_DIGITS[number >> (5 * place) & 31] for place in reversed(range(count)))


def _decode(text: str) -> bytes:
    count = -(-_BODY_BYTES * 8 // 5)
    if len(text) != count or not all(digit in _VALUES for digit in text):
        raise CodeError(f"after the slash there are {count} characters of 0-9 and A-Z without U")
    number = 0
    for digit in text:
        number = number << 5 | _VALUES[digit]
    spare = count * 5 - _BODY_BYTES * 8
    if number & ((1 << spare) - 1):
        raise CodeError("a character of it is wrong: please compare it with the original")
    return (number >> spare).to_bytes(_BODY_BYTES, "big")
