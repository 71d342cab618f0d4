"""Bearer tokens: generation, and the hash that is stored in their place (spec core §7)."""

import hashlib
import re
import secrets

API_KEY_MARK = "alk_"
API_KEY_PREFIX_LENGTH = 8
"""The first characters of an API key are public: its name in lists and logs. They never suffice to authenticate."""

_HASH = re.compile(r"sha256:[0-9a-f]{64}")
_PREFIX = re.compile(r"alk_[0-9a-zA-Z_-]{4}")


def is_token_hash(text: str) -> bool:
    return _HASH.fullmatch(text) is not None


def is_api_key_prefix(text: str) -> bool:
    return _PREFIX.fullmatch(text) is not None


def hash_token(token: str) -> str:
    """The stored form. One unsalted pass is enough only because tokens carry at least 128 bits of entropy."""
    return "sha256:" + hashlib.sha256(token.encode()).hexdigest()


def new_api_key() -> str:
    """A fresh API key of 192 bits, starting with its public prefix."""
    return API_KEY_MARK + secrets.token_hex(24)


def new_peer_token() -> str:
    """A fresh token for a named peer, of 256 bits. Never starts like an API key, so the two cannot be confused."""
    return "alkp_" + secrets.token_urlsafe(32)


def api_key_prefix(key: str) -> str:
    return key[:API_KEY_PREFIX_LENGTH]
