"""Looks for secrets in bytes of any kind, files and the answers of programs, however a secret may be written there."""

import base64
import html
import json
import re
import urllib.parse
from collections.abc import Iterable, Iterator
from pathlib import Path

HEADING = 12
"""Bytes of the beginning of a secret that already tell it."""


class Hunted:
    """Secrets, each under a name, in every shape that is looked for; and recovery words, by any three in a row."""

    def __init__(self, phrases: Iterable[str] = (), **secrets: str | bytes) -> None:
        self._shapes: dict[str, bytes] = {}
        for name, secret in secrets.items():
            self.add(name, secret)
        self._words: set[bytes] = set()
        for phrase in phrases:
            self.add_words(phrase)

    def add(self, name: str, secret: str | bytes) -> None:
        for shape, needle in shapes(secret):
            self._shapes[f"{name} as {shape}"] = needle

    def add_words(self, phrase: str) -> None:
        words = phrase.encode().split()
        self._words |= {b" ".join(words[at : at + 3]) for at in range(len(words) - 2)}

    def found(self, content: bytes) -> list[str]:
        """The shapes of secrets that stand in the content."""
        told = [name for name, needle in self._shapes.items() if needle in content]
        return told + (["recovery words"] if self._has_words(content) else [])

    def found_below(self, *places: Path) -> dict[str, list[str]]:
        """The same for every file below these directories that has any; the names of the files count as well."""
        found = {str(path): self.found(_read(path) + bytes(path)) for place in places for path in place.rglob("*")}
        return {path: told for path, told in found.items() if told}

    def _has_words(self, content: bytes) -> bool:
        if not self._words:
            return False
        plain = re.sub(rb"[^a-z]+", b" ", content.replace(b"\0", b"").lower())
        # A number before each word, as the list on a terminal has it, is none of the letters.
        return any(words in plain for words in self._words)


def shapes(secret: str | bytes) -> Iterator[tuple[str, bytes]]:
    """Each way of writing a secret, with bytes that stand wherever it was written so."""
    raw = secret if isinstance(secret, bytes) else secret.encode()
    yield "itself", raw
    yield "hex", raw[:HEADING].hex().encode()
    yield "capital hex", raw[:HEADING].hex().upper().encode()
    for shift in range(3):
        # Wherever a secret begins in what was encoded, one of the three alignments shows.
        inner = raw[shift : shift + HEADING]
        yield f"base64 + {shift}", base64.b64encode(inner)
        yield f"url base64 + {shift}", base64.urlsafe_b64encode(inner)
    yield "a list of numbers", ", ".join(str(byte) for byte in raw[:HEADING]).encode()
    yield "a close list of numbers", ",".join(str(byte) for byte in raw[:HEADING]).encode()
    yield "repr", repr(raw[:HEADING])[2:-1].encode()
    if isinstance(secret, str):
        yield from _text_shapes(secret)


def _text_shapes(text: str) -> Iterator[tuple[str, bytes]]:
    yield "UTF-16", text.encode("utf-16-le")
    yield "big-endian UTF-16", text.encode("utf-16-be")
    yield "UTF-32", text.encode("utf-32-le")
    yield "Latin-1", text.encode("latin-1", "replace")
    yield "JSON", json.dumps(text)[1:-1].encode()
    yield "JSON in UTF-8", json.dumps(text, ensure_ascii=False)[1:-1].encode()
    yield "repr of text", repr(text)[1:-1].encode()
    yield "HTML", html.escape(text).encode()
    yield "a URL", urllib.parse.quote(text).encode()
    yield "a form", urllib.parse.quote_plus(text).encode()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.is_file() else b""
    except FileNotFoundError:  # it is gone since it was listed
        return b""
