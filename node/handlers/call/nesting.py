"""How deep JSON text is nested: as deep as every other implementation reads it (spec call §2)."""

from array import array
from itertools import accumulate

MAX_NESTING = 128
"""Levels of a whole frame. Some readers take no more."""
AROUND = 2
"""Of these, the levels around an input or an output: the envelope's and the payload's."""

_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


def too_deep(levels: int) -> str:
    return f"nested more than {levels} levels deep"


def is_deeper(text: bytes, levels: int) -> bool:
    """Whether JSON text has more than so many levels. Text with fewer brackets than that is not gone through.

    Each level is opened and closed, so short text is not looked at at all. What is no JSON may be taken for less deep
    than it is: it is for the parser to refuse.
    """
    if len(text) <= 2 * levels or not _has_brackets(text, levels):
        return False
    # A backslash is only ever inside a string, where it and what it escapes can go; then quotes only delimit strings.
    bare = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside = b"".join(bare.split(b'"')[::2])
    steps = array("b", outside.translate(_STEPS, _NO_BRACKETS))
    return max(accumulate(steps), default=0) > levels


def _has_brackets(text: bytes, levels: int) -> bool:
    """Whether more than so many brackets open. To look for each is much quicker in long text than to count them."""
    found = 0
    for bracket in (b"[", b"{"):
        at = text.find(bracket)
        while at >= 0:
            found += 1
            if found > levels:
                return True
            at = text.find(bracket, at + 1)
    return False
