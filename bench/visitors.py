"""Clients that come and go, each a peer of its own, and write down what they saw."""

import asyncio
import contextlib
import random
import time
from dataclasses import dataclass

from bench.sample import peer_name, sample_key
from node.client.call import CallClient
from node.core.errors import ConnectionClosed, DialError
from node.handlers.call.errors import CallError

ANSWER_S = 2.0
"""A node that is gone is noticed so late at most."""


@dataclass(slots=True)
class Visit:
    """One attempt to connect, in unix seconds: when it began, when the first answer came, and when it was over.

    `orderly`: the client closed it itself.
    """

    peer_id: str
    began: float
    answered: float | None = None
    closing: float | None = None
    over: float = float("inf")
    orderly: bool = False


class Visitors:
    """So many clients that come and go until they are told to stay."""

    def __init__(self, count: int, address: str, pin: str) -> None:
        self._count = count
        self._address = address
        self._pin = pin
        self._staying = asyncio.Event()
        self._leaving = asyncio.Event()
        self.visits: list[Visit] = []
        self.present: set[str] = set()
        """Peers that have stayed, and whose node has answered since."""

    async def run(self) -> None:
        await asyncio.gather(*map(self._come_and_go, range(self._count)))

    def stay(self) -> None:
        """Whoever connects from now on stays until `leave`."""
        self._staying.set()

    def leave(self) -> None:
        self._leaving.set()

    async def _come_and_go(self, number: int) -> None:
        chance = random.Random(number)
        while not self._leaving.is_set():
            visit = Visit(peer_name(number), time.time())
            self.visits.append(visit)
            with contextlib.suppress(DialError, CallError, ConnectionClosed, TimeoutError):
                await self._visit(visit, number, chance)
            self.present.discard(visit.peer_id)
            visit.over = time.time()
            await asyncio.sleep(chance.uniform(0.0, 0.1))

    async def _visit(self, visit: Visit, number: int, chance: random.Random) -> None:
        dialled = CallClient.connect(self._address, key=sample_key(number), pin=self._pin, timeout=ANSWER_S)
        async with dialled as client:
            await client.call("node/whoami", timeout=ANSWER_S)
            visit.answered = time.time()
            await asyncio.sleep(chance.expovariate(4.0))
            while self._staying.is_set() and not self._leaving.is_set():
                await client.call("node/whoami", timeout=ANSWER_S)
                self.present.add(visit.peer_id)
                await asyncio.sleep(0.2)
            await client.call("node/whoami", timeout=ANSWER_S)
            visit.closing = time.time()
            visit.orderly = True
