"""Looks for a secret in what a program says, in whatever way it may have been written there."""

import base64
from collections.abc import Iterator


def traces(secret: str | bytes, text: str) -> list[str]:
    """The ways in which `text` tells `secret`, or a good part of it."""
    raw = secret.encode("utf-8", "surrogatepass") if isinstance(secret, str) else secret
    folded = text.replace("\n", "").replace(" ", "")
    return [name for name, shape in _shapes(raw) if shape in text or shape.replace(" ", "") in folded]


def words_told(phrase: str, text: str) -> set[str]:
    """Words of a phrase that stand in `text`."""
    return {word for word in phrase.split() if word in text.lower()}


def _shapes(raw: bytes) -> Iterator[tuple[str, str]]:
    part = raw[:16]
    yield "hex", part.hex()
    yield "capital hex", part.hex().upper()
    yield "list", ", ".join(str(byte) for byte in part)
    yield "repr", repr(part)[2:-1]
    yield "number", str(int.from_bytes(raw, "big"))
    yield "little-endian number", str(int.from_bytes(raw, "little"))
    yield "escaped", "".join(f"\\x{byte:02x}" for byte in part)
    if _is_text(part):
        yield "text", part.decode()
    for shift in range(3):
        # Wherever a secret begins in what was encoded, one of the three alignments shows.
        inner = raw[shift : shift + 15]
        yield f"base64 + {shift}", base64.b64encode(inner).decode()
        yield f"url base64 + {shift}", base64.urlsafe_b64encode(inner).decode()


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
