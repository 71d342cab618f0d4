"""The chain of hashes through the audit log, version 1. docs/audit.md has it byte by byte, for others to verify.

Every row's hash covers all of its columns and the hash of the row before it. The texts are hashed as the table has
them: JSON is not read for it, so that no two spellings of a value pass for one another.
"""

import hashlib
import struct
from typing import Any, NamedTuple

GENESIS = hashlib.sha256(b"alknet/audit/chain/1").hexdigest()
"""What stands in for the hash before the first row."""

_LENGTHS = struct.Struct(">10I")
_ABSENT = 0xFFFF_FFFF
"""In place of the length of a text that is NULL."""


class Row(NamedTuple):
    """One row of the log as the table has it. In a table that was tampered with, anything may be of any type."""

    number: int
    """Its primary key: 1, 2, 3 and so on without a gap."""
    at: str
    """UTC: YYYY-MM-DD HH:MM:SS, and a point and six digits unless they were all zero."""
    actor_kind: str
    actor_name: str
    action: str
    object_type: str
    object_id: str
    before: str | None
    """JSON text."""
    after: str | None
    request_id: str


class Link(NamedTuple):
    """A row and the hash that is stored with it."""

    row: Row
    hash: str


def canonical(row: Row) -> bytes:
    """What of a row is hashed: the lengths of its ten texts, 32 bits each, big-endian, and then the texts in UTF-8.

    Raises AttributeError and UnicodeError where a part is no text.
    """
    texts = [None if text is None else text.encode() for text in (str(row.number), *row[1:])]
    lengths = [_ABSENT if text is None else len(text) for text in texts]
    return b"".join((_LENGTHS.pack(*lengths), *filter(None, texts)))


def next_hash(previous: str, row: Row) -> str:
    """SHA-256 over the 32 bytes of the hash before, and the row."""
    return hashlib.sha256(bytes.fromhex(previous) + canonical(row)).hexdigest()


def follows(previous: Any, link: Link, number: int | None = None) -> bool:
    """Whether a row has the hash that it must have after `previous`; if it had `number`, where one is given.

    Nothing is taken for granted here: in a table that was tampered with, a hash may be no hash and a text no text.
    """
    row = link.row if number is None else link.row._replace(number=number)
    try:
        return bool(next_hash(previous, row) == link.hash)
    except (AttributeError, UnicodeError, ValueError, TypeError, struct.error):
        return False
