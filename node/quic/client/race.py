"""Trying several addresses of one name, each a little after the one before (RFC 8305, happy eyeballs).

The first handshake to finish wins, and the other attempts are given up. No error of one address ends the dial, since
another may reach the right node: a name may be out of date for one family only. It is safe to go on, as every attempt
checks the node on its own. But who answered has told more than who did not: of several failures the one that names a
wrong key is raised, else the one of a handshake, else those of the network together. And once somebody has answered and
failed, the rest get `AFTER_ANSWER` seconds, so that a silent address does not hold the news back.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, zip_longest

from node.core.errors import ConnectError, DialError, HandshakeError, PinMismatch
from node.quic.client.outgoing import OutgoingCall
from node.quic.udp.socket import Target

ATTEMPT_DELAY = 0.25
"""Seconds before the next address is tried beside those that have not answered; RFC 8305 §8 recommends this."""

MAX_ATTEMPTS = 6
"""Addresses of one name that are tried, in all and so at once."""

AFTER_ANSWER = 2.0
"""Seconds for the other attempts once one was answered and failed."""

Begin = Callable[[Target], OutgoingCall]
"""Makes an attempt, not yet started. Raises ConnectError where there is no way to that address."""


def in_turn(targets: Iterable[Target]) -> list[Target]:
    """The addresses to try: the families in turn, each in the order given, the first one first (RFC 8305 §4)."""
    families: dict[int, list[Target]] = {}
    for target in dict.fromkeys(targets):
        families.setdefault(target.family, []).append(target)
    rounds = chain.from_iterable(zip_longest(*families.values()))
    return [target for target in rounds if target is not None][:MAX_ATTEMPTS]


class Race:
    """One dial to the addresses of one name. `deadline` is a time of the loop's clock."""

    def __init__(self, targets: Sequence[Target], begin: Begin, deadline: float) -> None:
        self._waiting = deque(targets)
        self._begin = begin
        self._deadline = deadline
        self._running: list[OutgoingCall] = []
        self._failures: list[DialError] = []
        self._loop = asyncio.get_running_loop()
        self._next_at = 0.0

    async def run(self) -> OutgoingCall:
        """The first attempt that succeeded. Raises DialError once none can."""
        winner: OutgoingCall | None = None
        try:
            while winner is None and self._go_on():
                await self._until_something_is_due()
                winner = self._look()
        finally:
            for call in self._running:
                if call is not winner:
                    call.give_up()
        if winner is None:
            raise most_telling(self._failures)
        return winner

    def _go_on(self) -> bool:
        """Start what is due; whether there is anything left to wait for."""
        now = self._loop.time()
        if now >= self._deadline:
            self._failures += [call.timed_out() for call in self._running]
            return False
        while self._waiting and (not self._running or now >= self._next_at):
            self._start(self._waiting.popleft(), now)
        return bool(self._running)

    def _start(self, target: Target, now: float) -> None:
        try:
            call = self._begin(target)
        except ConnectError as error:
            self._failures.append(error)
            return
        self._running.append(call)
        self._next_at = now + ATTEMPT_DELAY
        call.start()

    async def _until_something_is_due(self) -> None:
        until = min(self._next_at, self._deadline) if self._waiting else self._deadline
        pause = max(0.0, until - self._loop.time())
        outcomes = [call.outcome for call in self._running]
        await asyncio.wait(outcomes, timeout=pause, return_when=asyncio.FIRST_COMPLETED)

    def _look(self) -> OutgoingCall | None:
        """Take note of the attempts that are over; the first of those that succeeded, if any did."""
        over = [call for call in self._running if call.outcome.done()]
        for call in over:
            error = call.outcome.exception()
            if isinstance(error, DialError):
                self._running.remove(call)
                call.give_up()
                self._take(error)
        return next((call for call in over if call.outcome.exception() is None), None)

    def _take(self, error: DialError) -> None:
        """An attempt that failed makes room for the next one at once."""
        self._failures.append(error)
        now = self._next_at = self._loop.time()
        if isinstance(error, HandshakeError):
            self._deadline = min(self._deadline, now + AFTER_ANSWER)


def most_telling(failures: Sequence[DialError]) -> DialError:
    """The one error of a dial that failed at each of these addresses."""
    for kind in (PinMismatch, HandshakeError):
        for failure in failures:
            if isinstance(failure, kind):
                return failure
    if len(failures) == 1:
        return failures[0]
    return ConnectError("; ".join(str(failure) for failure in failures) or "no address to try")
