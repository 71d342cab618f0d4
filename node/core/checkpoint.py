"""What a node signs of an audit log: that at this time it had this row at its end. See docs/audit.md.

The text begins as nothing else does that the same key signs: TLS begins what it signs with 64 spaces (RFC 8446 §4.4.3).
"""

import re
from dataclasses import dataclass

DOMAIN = "alknet/audit/checkpoint/1"
MAX_NUMBER = 2**53
"""Rows that a log can have: what every reader of JSON takes as a whole number."""

_HASH = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log, and a node's word for it."""

    number: int
    """Of the last row then; there were that many."""
    hash: str
    """Of that row, 64 hexadecimal digits."""
    fingerprint: str
    """The node's key, ed25519:<hex>, which is the key itself."""
    signed_at: str
    """By the node's clock, YYYY-MM-DDTHH:MM:SSZ."""
    signature: str
    """Ed25519 (RFC 8032) over `checkpoint_message`, in standard base64."""


def checkpoint_message(number: int, digest: str, fingerprint: str, signed_at: str) -> bytes:
    """The five lines that are signed, each with its end. Raises ValueError where a part is not of its form.

    No part can hold the end of a line, so that two different heads never make the same text.
    """
    if not 0 < number <= MAX_NUMBER or not is_digest(digest) or not _TIME.fullmatch(signed_at):
        raise ValueError("not the head of an audit log")
    if not fingerprint.startswith("ed25519:") or not is_digest(fingerprint.removeprefix("ed25519:")):
        raise ValueError("not the fingerprint of an Ed25519 key")
    return f"{DOMAIN}\n{number}\n{digest}\n{fingerprint}\n{signed_at}\n".encode("ascii")


def is_digest(text: str) -> bool:
    """Whether it is a SHA-256 as this log writes one."""
    return _HASH.fullmatch(text) is not None
