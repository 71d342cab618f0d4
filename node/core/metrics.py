"""The numbers of every room of a node in one place: what a metrics page will show."""

from collections.abc import Callable, Mapping

Snapshot = Callable[[], Mapping[str, int]]


class Metrics:
    """Asks each room for its numbers; keeps none itself."""

    def __init__(self) -> None:
        self._rooms: dict[str, Snapshot] = {}
        self._troubles: dict[str, Snapshot] = {}

    def add(self, room: str, snapshot: Snapshot, troubles: Snapshot | None = None) -> None:
        """`snapshot` gives all numbers of a room, `troubles` the counts of who was turned away, which only grow."""
        self._rooms[room] = snapshot
        if troubles is not None:
            self._troubles[room] = troubles

    def snapshot(self) -> dict[str, int]:
        """Every number by its name, "ROOM.NAME"."""
        return _named(self._rooms)

    def troubles(self) -> dict[str, int]:
        """Of those, the counts of who was turned away."""
        return _named(self._troubles)


def _named(rooms: Mapping[str, Snapshot]) -> dict[str, int]:
    return {f"{room}.{name}": number for room, snapshot in rooms.items() for name, number in snapshot().items()}
