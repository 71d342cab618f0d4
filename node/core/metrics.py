"""The numbers of every room of a node in one place: what a metrics page shows.

A room declares what it counts beside the code that counts it, by `counters` and `gauges`, and is asked when somebody
looks. Every set of labels is closed, or bounded by the settings: no number is ever kept for each peer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from node.core.histogram import Histogram

Snapshot = Callable[[], Mapping[str, int]]
MAX_LABELS = 100
"""Values of one label that are told; what is beyond them is told together, as `other`."""
OTHER = "other"


class Kind(StrEnum):
    COUNTER = "counter"
    """Only grows, from zero at the start of the process."""
    GAUGE = "gauge"
    """How it is now."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a number is, in a sentence."""

    kind: Kind
    text: str


Meanings = Mapping[str, Meaning]
NO_MEANINGS: Meanings = MappingProxyType({})


def counters(**texts: str) -> dict[str, Meaning]:
    """Of numbers that only grow, by name."""
    return {name: Meaning(Kind.COUNTER, text) for name, text in texts.items()}


def gauges(**texts: str) -> dict[str, Meaning]:
    """Of numbers of the moment, by name."""
    return {name: Meaning(Kind.GAUGE, text) for name, text in texts.items()}


@dataclass(frozen=True, slots=True)
class Number:
    """A number of one room: `name` is "ROOM.NAME"."""

    name: str
    meaning: Meaning
    value: int


@dataclass(frozen=True, slots=True)
class Labelled:
    """Numbers of one name, by the value of one label. `read` gives all of them."""

    name: str
    meaning: Meaning
    label: str
    read: Callable[[], Mapping[str, float]]

    def values(self) -> dict[str, float]:
        """In the order of the labels' values; of very many, the first and the sum of the rest."""
        found = sorted(self.read().items())
        values = dict(found[:MAX_LABELS])
        if rest := found[MAX_LABELS:]:
            values[OTHER] = values.get(OTHER, 0) + sum(value for _, value in rest)
        return values


@dataclass(frozen=True, slots=True)
class Measured:
    """A histogram and what it counts."""

    name: str
    text: str
    histogram: Histogram


@dataclass(frozen=True, slots=True)
class Single:
    """A number with a fraction, or one that no room keeps. `read` gives it, or None while it is not known."""

    name: str
    meaning: Meaning
    read: Callable[[], float | None]


class Metrics:
    """Asks each room for its numbers; keeps none itself."""

    def __init__(self) -> None:
        self._rooms: dict[str, Snapshot] = {}
        self._meanings: dict[str, Meanings] = {}
        self._troubles: dict[str, Snapshot] = {}
        self._denials: dict[str, Snapshot] = {}
        self.labelled: dict[str, Labelled] = {}
        self.measured: dict[str, Measured] = {}
        self.singles: dict[str, Single] = {}

    def add(
        self, room: str, snapshot: Snapshot, troubles: Snapshot | None = None, meanings: Meanings = NO_MEANINGS
    ) -> None:
        """`snapshot` gives all numbers of a room, `troubles` the counts of who was turned away, which only grow.

        A number without a meaning is told as one of the moment.
        """
        self._rooms[room] = snapshot
        self._meanings[room] = meanings
        if troubles is not None:
            self._troubles[room] = troubles

    def add_denials(self, room: str, denials: Snapshot) -> None:
        """How often somebody was denied something, by reason: a closed set of a few words."""
        self._denials[room] = denials

    def add_labelled(self, labelled: Labelled) -> None:
        self.labelled[labelled.name] = labelled

    def add_histogram(self, name: str, text: str, histogram: Histogram) -> None:
        self.measured[name] = Measured(name, text, histogram)

    def add_single(self, name: str, meaning: Meaning, read: Callable[[], float | None]) -> None:
        self.singles[name] = Single(name, meaning, read)

    def snapshot(self) -> dict[str, int]:
        """Every number by its name, "ROOM.NAME"."""
        return _named(self._rooms)

    def troubles(self) -> dict[str, int]:
        """Of those, the counts of who was turned away."""
        return _named(self._troubles)

    def denials(self) -> dict[str, int]:
        """How often somebody was denied something, by "ROOM.REASON"."""
        return _named(self._denials)

    def numbers(self) -> list[Number]:
        """Every number with its meaning."""
        return [
            Number(f"{room}.{name}", self._meanings[room].get(name, _untold(name)), value)
            for room, snapshot in self._rooms.items()
            for name, value in snapshot().items()
        ]


def _named(rooms: Mapping[str, Snapshot]) -> dict[str, int]:
    return {f"{room}.{name}": number for room, snapshot in rooms.items() for name, number in snapshot().items()}


def _untold(name: str) -> Meaning:
    return Meaning(Kind.GAUGE, name.replace("_", " ").capitalize() + ".")
