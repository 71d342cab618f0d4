"""The engine bench's rounds: which parts run on which path, for which engines, in which order."""

import contextlib
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.engine_ends import Ends, running_ends
from bench.engine_network import LOOPBACK, Network
from bench.engine_parts import Figures, closing, connections, requests, requests_at_once, transfers, warm_up
from bench.engine_side import Side
from node.core.paths import DataPaths

PARTS = ("transfer", "loopback", "connections", "requests", "closing")
LONG_PARTS = ("stock-closing",)
"""Measured only when asked for by name."""

CLOSED = {Side.OURS: 10, Side.ACCEL: 10, Side.STOCK: 100}
"""The engines whose closing is measured, and of how many connections each closes one: stock would need minutes."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure. Transfers are in bytes."""

    sides: Sequence[Side]
    parts: Sequence[str]
    rounds: int
    transfer: int
    loopback_transfer: int
    connections: int
    requests: int
    crowd: int
    """Connections of which some are closed."""

    tree: Path | None = None
    """An accelerated engine to take as it is."""


class Bench:
    """One run. `near` is the path of 1 500 bytes, if there is one."""

    def __init__(self, paths: DataPaths, plan: Plan, near: Network | None) -> None:
        self.failures: dict[str, str] = {}
        """Engines that are for the record only and did not come to the end, with what happened."""

        self._paths = paths
        self._plan = plan
        self._near = near
        self._ran_ns = 0
        self._waited_ns = 0

    @property
    def waited_percent(self) -> float:
        """Of the time that the servers' work took, how much somebody else had the core."""
        return round(100 * self._waited_ns / max(1, self._ran_ns + self._waited_ns), 2)

    async def measure_rounds(self) -> dict[Side, list[Figures]]:
        results: dict[Side, list[Figures]] = {side: [] for side in self._plan.sides}
        for number in range(self._plan.rounds):
            for side in list(results)[:: -1 if number % 2 else 1]:
                print(f"round {number + 1} of {self._plan.rounds}: {side.value}", file=sys.stderr)
                try:
                    results[side].append({**await self._measure_near(side), **await self._measure_loopback(side)})
                except (EOFError, TimeoutError) as error:
                    if not side.is_for_the_record:
                        raise
                    self.failures[side.value] = f"it failed: {error or 'time ran out'}"
                    del results[side]
        return results

    async def measure_closing(self) -> Figures:
        """Once for each engine: making the crowd is what takes long."""
        values: Figures = {}
        for side in self._sides_to_close():
            print(f"closing: {side.value}", file=sys.stderr)
            async with self._ends(side, self._near or LOOPBACK) as ends:
                crowd = self._plan.crowd
                figures = await closing(ends, crowd, max(1, crowd // CLOSED[side]))
            values |= {f"{side.prefix}{name}": round(value, 3) for name, value in figures.items()}
        return values

    def _sides_to_close(self) -> list[Side]:
        parts = {Side.STOCK: "stock-closing"}
        return [side for side in self._plan.sides if side in CLOSED and parts.get(side, "closing") in self._plan.parts]

    async def _measure_near(self, side: Side) -> Figures:
        parts = {"transfer", "connections", "requests"} & set(self._plan.parts)
        if self._near is None:
            parts -= {"transfer"}
        if not parts:
            return {}
        figures: Figures = {}
        async with self._ends(side, self._near or LOOPBACK) as ends:
            await warm_up(ends)
            if "connections" in parts:
                figures |= await connections(ends, self._plan.connections)
            if "transfer" in parts:
                figures |= await transfers(ends, self._plan.transfer)
            if "requests" in parts:
                figures |= await requests(ends, self._plan.requests)
                figures |= await requests_at_once(ends, self._plan.requests) if side.has_streams else {}
        return figures

    async def _measure_loopback(self, side: Side) -> Figures:
        if "loopback" not in self._plan.parts:
            return {}
        size = self._plan.transfer if side is Side.STOCK else self._plan.loopback_transfer
        async with self._ends(side, LOOPBACK) as ends:
            await warm_up(ends)
            figures = await transfers(ends, size)
        return {f"loopback_{name}": value for name, value in figures.items()}

    @contextlib.asynccontextmanager
    async def _ends(self, side: Side, network: Network) -> AsyncIterator[Ends]:
        """Both ends, and at the end a note of how long the server had to wait for its core."""
        tree = self._plan.tree if side is Side.ACCEL else None
        async with running_ends(self._paths, side, network, tree) as ends:
            yield ends
            self._ran_ns += await ends.serve("cpu")
            self._waited_ns += await ends.serve("waited")
