"""A claim: a key that was proven, and the code that it came with. It travels from the node to the web process.

The node writes it into the inbox of `node.db` and never hears of it again but by its outcome, which is a row of the
control plane that the node follows like all others.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

ALPN = b"alknet/register"
_PROPOSED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim as the node took it. `code_hash` is that of the code, which itself is kept nowhere.

    `name` is what the joiner would like to be called, empty where it says nothing; `sas` the short authentication
    string that it shows; `at` is in unix seconds.
    """

    claim_id: str
    code_hash: str
    fingerprint: str
    name: str
    sas: str
    address: str
    at: float


def is_proposable(name: str) -> bool:
    """Whether a stranger may propose this name: letters, digits, dots, hyphens and underscores; at most 64."""
    return _PROPOSED.fullmatch(name) is not None


class InboxFull(Exception):
    """So many claims wait for the web process that no other is taken."""


class InboxFailed(Exception):
    """The claim could not be written: it counts as never made."""


class Inbox(ABC):
    """Where claims wait for the web process."""

    @abstractmethod
    async def put(self, claim: Claim) -> int:
        """Keep it, in place of an earlier one of that name, and return its number once no crash loses it.

        Numbers grow, and none is given twice. Raises InboxFull, InboxFailed.
        """

    @abstractmethod
    async def forget(self, taken: Mapping[str, int]) -> None:
        """Drop claims that were taken, each up to this number. Never raises: what stays is dropped another time."""
