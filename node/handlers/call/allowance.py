"""How much a connection can make us hold: bytes of frames that are half read, or not yet answered.

Large requests wait for room before they are read (`room.py`). Whatever else finds none is refused at once, and only
its stream with it: a frame that stopped in the middle would keep the bytes from coming that others need to end.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from node.core.connection import BiStream
from node.core.live import Live, live
from node.handlers.call.budget import ByteBudget, OverBudget
from node.handlers.call.charge import Charge
from node.handlers.call.counts import CallCounts
from node.handlers.call.limits import MAX_FRAME, CallLimits
from node.handlers.call.room import SMALL, Room
from node.handlers.call.unsent import Unsent


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one connection may have us hold.

    `budget` counts what the peer sent on its own streams, `answers` what it sent on ours, `aside` what lies unread in
    streams that are not read for a while, `unsent` what it has not read of our answers.
    """

    max_frame: int
    budget: ByteBudget
    answers: ByteBudget
    aside: ByteBudget
    room: Room
    unsent: Unsent
    counts: CallCounts

    @classmethod
    def within(cls, limits: CallLimits, pots: "Pots", counts: CallCounts, *, max_frame: int = MAX_FRAME) -> "Allowance":
        """The one of a new connection, whose bytes are those of `pots` too."""
        aside = ByteBudget(limits.max_waiting, pots.received)
        requests = max(limits.max_buffered, max_frame) + limits.max_in_flight * SMALL
        return cls(
            max_frame,
            ByteBudget(requests, pots.received),
            ByteBudget(limits.max_buffered_answers, pots.received),
            aside,
            Room(limits.max_buffered, aside, limits.stall_timeout, counts),
            Unsent(ByteBudget(limits.max_unsent, pots.unsent), limits.max_buffered, limits.stall_timeout, counts),
            counts,
        )

    @property
    def held(self) -> int:
        """Bytes that are held now."""
        return sum(budget.used for budget in self._budgets())

    @contextlib.contextmanager
    def set_aside(self, stream: BiStream) -> Iterator[None]:
        """For as long as `stream` is not read: what it holds keeps other streams going, where there is room for it."""
        charge = Charge(self.aside)

        def hold(count: int) -> bool:
            try:
                charge.add(count)
            except OverBudget:
                return False
            return True

        stream.set_aside(hold)
        try:
            yield
        finally:
            stream.set_aside(None)
            charge.release()

    def close(self) -> None:
        """The connection is gone. A task that was cancelled before it began has given nothing back."""
        for budget in self._budgets():
            budget.close()

    def _budgets(self) -> tuple[ByteBudget, ...]:
        return self.budget, self.answers, self.aside, self.unsent.budget


class Pots:
    """What many connections may hold together, received and unsent."""

    def __init__(self, received: int, unsent: int) -> None:
        self.received = ByteBudget(received)
        self.unsent = ByteBudget(unsent)

    @classmethod
    def of(cls, size: int) -> "Pots":
        """As much for each."""
        return cls(size, size)

    def resize(self, size: int) -> None:
        self.received.size = self.unsent.size = size


class Allowances:
    """Hands each connection its allowance. Strangers share pots of their own, and cannot empty those of the peers.

    Where the limits have changed, the pots get their new sizes with the next connection.
    """

    def __init__(self, limits: CallLimits | Live[CallLimits]) -> None:
        self._limits = live(limits)
        self._peers = Pots.of(self._limits.value.max_buffered_total)
        self._strangers = Pots.of(self._limits.value.max_buffered_strangers)
        self.counts = CallCounts()

    def of_peer(self) -> Allowance:
        limits = self._limits.value
        self._peers.resize(limits.max_buffered_total)
        return Allowance.within(limits, self._peers, self.counts)

    def of_stranger(self) -> Allowance:
        limits = self._limits.value
        self._strangers.resize(limits.max_buffered_strangers)
        return Allowance.within(limits, self._strangers, self.counts, max_frame=limits.max_frame_strangers)

    def snapshot(self) -> dict[str, int]:
        """Bytes held now, and how often a bound has bitten."""
        pots = (self._peers, self._strangers)
        return {
            "received_bytes": sum(pot.received.used for pot in pots),
            "unsent_bytes": sum(pot.unsent.used for pot in pots),
            **self.counts.snapshot(),
        }
