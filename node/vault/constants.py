"""Numbers and names that are frozen: changing one makes other keys of every phrase (spec vault §3)."""

from typing import Final

CURRENT_KEY_VERSION: Final = 2
"""The version that new blobs get unless told otherwise. 1 was a key made from a password, and is never opened here."""

MIN_KEY_VERSION: Final = 2
MAX_KEY_VERSION: Final = 2**31 + 1
"""The version's place in the path is `version - 2`, and places stay below 2^31."""

HARDENED: Final = 2**31
"""Added to the index of a hardened segment (BIP-32)."""

KEY_SIZE: Final = 32
NONCE_SIZE: Final = 12
TAG_SIZE: Final = 16
SALT_SIZE: Final = 32

MAX_PLAINTEXT: Final = 1024 * 1024
"""Longest text that is sealed, in bytes of UTF-8: far above any credential."""

SECP256K1_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""The number of points on the curve (SEC 2 §2.4.1)."""
