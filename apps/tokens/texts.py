"""The text of a token, `alkr_<id>_<secret>`, and what is stored in its place.

A digest is keyed: who reads the database alone can neither use a token nor test a guess. The key lies in a file of its
own beside Django's, mode 0600, and without it every token is dead.
"""

import hashlib
import hmac
import re
import secrets
from functools import cache

from django.conf import settings

from node.secret_file import read_or_make_secret

MARK = "alkr_"
MAX_TEXT = 80
"""Longest text that can be a token, in characters."""
_FORM = re.compile(r"alkr_([0-9a-z]{12})_[0-9A-Za-z_-]{43}")
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"


def new_text() -> tuple[str, str]:
    """A fresh public id, and the whole token with its secret of 256 bits."""
    token_id = "".join(secrets.choice(_ALPHABET) for _ in range(12))
    return token_id, f"{MARK}{token_id}_{secrets.token_urlsafe(32)}"


def id_of(text: str) -> str | None:
    """The public id in a token; None if the text is none."""
    found = _FORM.fullmatch(text) if len(text) <= MAX_TEXT else None
    return found[1] if found else None


def digest(text: str) -> str:
    """What is stored of a token: 64 hexadecimal digits."""
    return hmac.new(file_key(), text.encode(), hashlib.sha256).hexdigest()


@cache
def file_key() -> bytes:
    """The key in that file, made if there is none."""
    return read_or_make_secret(settings.PATHS.token_key).encode()
