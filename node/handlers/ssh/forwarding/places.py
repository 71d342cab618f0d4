"""How much is forwarded: places of each peer and in all, and how far a client may send ahead on each channel."""

from collections import Counter
from dataclasses import dataclass, field

from node.core.live import Live
from node.handlers.ssh.channel import window_of
from node.handlers.ssh.forwarding.errors import NoPlace
from node.handlers.ssh.forwarding.limits import ForwardingSettings


@dataclass(slots=True)
class _Used:
    """Of one peer, over all of its connections."""

    channels: int = 0
    listeners: int = 0
    held: int = 0


@dataclass(slots=True, eq=False)
class Place:
    """One channel's, with its window in bytes, or one listener's. To be given back."""

    places: "Places"
    peer_id: str
    window: int = 0
    _given_back: bool = field(default=False, init=False)

    def free(self) -> None:
        """Give it back. Harmless when repeated."""
        if not self._given_back:
            self._given_back = True
            self.places._take_back(self)


class Places:
    """Of one node. A peer without any costs nothing."""

    def __init__(self, settings: Live[ForwardingSettings]) -> None:
        self._settings = settings
        self._used: dict[str, _Used] = {}
        self.counts: Counter[str] = Counter()
        """Of all peers: "channels" and "listeners"."""

    def channel(self, peer_id: str) -> Place:
        """Raises NoPlace."""
        settings, used = self._settings.value, self._used.get(peer_id, _Used())
        others = settings.channels - used.channels - 1
        window = window_of(settings.max_in_flight - used.held, others)
        if others < 0 or not window or self.counts["channels"] >= settings.channels_in_all:
            raise NoPlace("too many forwarded connections")
        self._count(peer_id, "channels", 1, window)
        return Place(self, peer_id, window)

    def listener(self, peer_id: str) -> Place:
        """Raises NoPlace."""
        settings, used = self._settings.value, self._used.get(peer_id, _Used())
        if used.listeners >= settings.listeners or self.counts["listeners"] >= settings.listeners_in_all:
            raise NoPlace("too many listeners")
        self._count(peer_id, "listeners", 1, 0)
        return Place(self, peer_id)

    def _take_back(self, place: Place) -> None:
        self._count(place.peer_id, "channels" if place.window else "listeners", -1, -place.window)

    def _count(self, peer_id: str, what: str, change: int, window: int) -> None:
        used = self._used.setdefault(peer_id, _Used())
        used.held += window
        setattr(used, what, getattr(used, what) + change)
        self.counts[what] += change
        if used == _Used():
            del self._used[peer_id]
