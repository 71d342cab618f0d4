"""Calls of ours that were answered, while it may still turn out that they were subscriptions."""

from collections import OrderedDict
from collections.abc import Callable

from node.handlers.call.lane import Lane

MAX_LANES = 32
"""Streams of answered calls that are left open for so long as others come: a peer may never end them (D17)."""
MAX_SHARED = 1024
"""Calls that are remembered on a stream that is shared."""


class Settled:
    """An answered call tells the peer nothing more: for a query that is its end. A second answer tells that it was
    a subscription, which must be aborted. Until then nobody can know, but where the peer has ended the stream.
    """

    def __init__(self, abort: Callable[[str], None]) -> None:
        self._abort = abort
        self._lanes: OrderedDict[str, Lane] = OrderedDict()

    def __len__(self) -> int:
        return len(self._lanes)

    def add(self, request_id: str, lane: Lane) -> None:
        if lane.ended:
            return
        self._lanes[request_id] = lane
        if len(self._lanes) > (MAX_SHARED if lane.only else MAX_LANES):
            self._lanes.popitem(last=False)[1].leave()

    def went_on(self, request_id: str) -> None:
        """Another answer has come. One to a request that is not known is too late for anybody, and no news."""
        if self.over(request_id):
            self._abort(request_id)

    def over(self, request_id: str) -> bool:
        """The peer says that it is: nothing more is said of it (spec call §6). Whether it was remembered here."""
        lane = self._lanes.pop(request_id, None)
        if lane is not None:
            lane.leave()
        return lane is not None

    def ended(self, lane: Lane) -> None:
        """No more can come by it."""
        for request_id in [key for key, value in self._lanes.items() if value is lane]:
            del self._lanes[request_id]
