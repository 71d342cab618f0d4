"""What a file says of peers, row by row, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.peers.terms import FIELDS as BESIDE
from node.core.errors import InvalidFields

MAX_ROWS = 50_000
"""Peers in one file."""
MAX_EMPTY = 1_000_000
"""Lines of one file in which there is no peer: empty ones, and comments."""
MAX_FAULTS = 100
"""Rows that a refusal tells of; of more it tells the number."""
FIELDS = ("peer_id", "display_name", "enabled", "keys", "scopes", "resources", *BESIDE)
"""What a file can say of a peer. Never a token, nor the hash of one."""


@dataclass(frozen=True, slots=True)
class Row:
    """One peer of a file: where it stands, such as “row 3”, and those of its fields that the file gives."""

    place: str
    values: Mapping[str, Any]


class ImportRefused(InvalidFields):
    """A file was not taken; nothing was written. `errors` has the messages of each place, such as “row 3”."""


class Faults:
    """What is wrong with a file, gathered so that one look at it tells of everything."""

    def __init__(self) -> None:
        self._errors: dict[str, list[str]] = {}
        self._more = 0

    def add(self, place: str, *texts: str) -> None:
        """Note what is wrong at a place."""
        if place in self._errors or len(self._errors) < MAX_FAULTS:
            self._errors.setdefault(place, []).extend(texts)
        else:
            self._more += 1

    def add_fields(self, place: str, errors: Mapping[str, list[str]]) -> None:
        """Note what is wrong with a peer's fields."""
        self.add(place, *(f"{name}: {text}" for name, texts in errors.items() for text in texts))

    def end(self) -> None:
        """Raises ImportRefused where anything was noted."""
        if self._more:
            self._errors["file"] = [*self._errors.get("file", []), f"There are {self._more} messages more."]
        if self._errors:
            raise ImportRefused(self._errors)


def refuse(place: str, text: str) -> ImportRefused:
    """The refusal of a file for one reason."""
    return ImportRefused({place: [text]})


def too_empty(place: str) -> ImportRefused:
    return refuse(place, f"A file has at most {MAX_EMPTY} lines in which there is no peer: take the empty ones away.")


def too_many(place: str) -> ImportRefused:
    return refuse(place, f"A file has at most {MAX_ROWS} peers.")
