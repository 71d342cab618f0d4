"""Derivation paths: their grammar, and those that the appliance uses (spec vault §3, §5).

`74'` stands at the place of BIP-44's purpose, so no wallet's path begins like ours.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from node.vault.constants import HARDENED, MAX_KEY_VERSION, MIN_KEY_VERSION
from node.vault.errors import InvalidPath

MAX_DEPTH: Final = 255
"""Most segments of a path: an extended key counts its depth in one byte (BIP-32)."""

_PATH = re.compile(r"m(?:/(?:0|[1-9][0-9]{0,9})['h]?)*")
_LONGEST = len("m") + MAX_DEPTH * len("/2147483647'")


class PATHS:
    """The paths in use."""

    IDENTITY: Final = "m/74'/0'/0'/0'"
    DEVICE_PREFIX: Final = "m/74'/0'/0'"
    SSH_HOST: Final = "m/74'/0'/1'/0'"
    ENCRYPTION: Final = "m/74'/2'/0'/0'"
    ETHEREUM: Final = "m/44'/60'/0'/0/0"


@dataclass(frozen=True, slots=True)
class DerivationPath:
    """A path as its indices, 0 … 2^32-1, of which those from 2^31 are hardened. Its text is the canonical one."""

    indices: tuple[int, ...]

    def __str__(self) -> str:
        return "".join(("m", *("/" + _segment(index) for index in self.indices)))

    @property
    def is_hardened(self) -> bool:
        """Whether every segment is."""
        return all(index >= HARDENED for index in self.indices)


def _segment(index: int) -> str:
    return f"{index - HARDENED}'" if index >= HARDENED else str(index)


def parse_derivation_path(text: str) -> DerivationPath:
    """Read `m`, or `m/…` of segments `0` … `2147483647`, each hardened by `'` or `h`.

    Raises InvalidPath on anything else. The message never repeats the text: it may be a phrase in the wrong place.
    """
    if not isinstance(text, str) or len(text) > _LONGEST or _PATH.fullmatch(text) is None:
        raise InvalidPath("not a derivation path: expected m, or m/74'/0'/0'/0' and the like")
    segments = text.split("/")[1:]
    if len(segments) > MAX_DEPTH:
        raise InvalidPath(f"the derivation path has more than {MAX_DEPTH} segments")
    return DerivationPath(tuple(_index(segment) for segment in segments))


def _index(segment: str) -> int:
    number = segment.rstrip("'h")
    if int(number) >= HARDENED:
        raise InvalidPath(f"a number in the derivation path is above {HARDENED - 1}")
    return int(number) + (HARDENED if number != segment else 0)


def device_path(number: int) -> str:
    """The identity of device `number`, 0 … 2^31-1. Device 0 is the node itself. Raises InvalidPath."""
    if type(number) is not int or not 0 <= number < HARDENED:
        raise InvalidPath(f"a device's number is between 0 and {HARDENED - 1}")
    return f"{PATHS.DEVICE_PREFIX}/{number}'"


@lru_cache(maxsize=128, typed=True)
def encryption_path_for_version(key_version: int) -> str:
    """The path of the sealing key of one version, 2 … 2147483649. Raises InvalidPath."""
    if type(key_version) is not int or not MIN_KEY_VERSION <= key_version <= MAX_KEY_VERSION:
        raise InvalidPath(f"key versions are whole numbers between {MIN_KEY_VERSION} and {MAX_KEY_VERSION}")
    return f"m/74'/2'/0'/{key_version - MIN_KEY_VERSION}'"
