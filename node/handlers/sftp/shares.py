"""What all peers have of something that is bounded, so that no one of them has it all."""

from collections import Counter
from collections.abc import Callable


class Shares:
    """So many for all peers together, and half of that for one."""

    def __init__(self, at_most: Callable[[], int]) -> None:
        self._at_most = at_most
        self._of_peers: Counter[str] = Counter()
        self.count = 0

    def has_room(self, peer: str) -> bool:
        """For one more, of this peer."""
        most = self._at_most()
        return self.count < most and self._of_peers[peer] < (most + 1) // 2

    def take(self, peer: str) -> None:
        self.count += 1
        self._of_peers[peer] += 1

    def give_back(self, peer: str, number: int = 1) -> None:
        self.count -= number
        self._of_peers[peer] -= number
        if not self._of_peers[peer]:
            del self._of_peers[peer]
