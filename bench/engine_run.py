"""The engine bench's rounds: which engine is measured when, and on which path."""

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence

from bench.engine_ends import Ends, running_ends
from bench.engine_network import LOOPBACK, Network
from bench.engine_parts import FAR, NEAR, Figures, Step, closing, warm_up
from bench.engine_plan import Plan
from bench.engine_side import Side
from node.core.paths import DataPaths

PARTS = (*NEAR, *FAR, "closing")
LONG_PARTS = ("stock-closing",)
"""Measured only when asked for by name."""

CLOSED = {Side.OURS: 10, Side.ACCEL: 10, Side.STOCK: 100}
"""The engines whose closing is measured, and of how many connections each closes one: stock would need minutes."""


class Bench:
    """One run. `near` is the path of 1 500 bytes, if there is one."""

    def __init__(self, paths: DataPaths, plan: Plan, near: Network | None) -> None:
        self.failures: dict[Side, str] = {}
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
            print(f"round {number + 1} of {self._plan.rounds}", file=sys.stderr)
            for side, figures in (await self._measure_round(backwards=number % 2)).items():
                results[side].append(figures)
        return {side: rounds for side, rounds in results.items() if side not in self.failures}

    async def measure_closing(self) -> Figures:
        """Once for each engine: making the crowd is what takes long."""
        values: Figures = {}
        for side in self._sides_to_close():
            print(f"closing: {side.value}", file=sys.stderr)
            async with self._running(side, self._near or LOOPBACK) as ends:
                crowd = self._plan.crowd
                figures = await closing(ends, crowd, max(1, crowd // CLOSED[side]))
            values |= {f"{side.prefix}{name}": round(value, 3) for name, value in figures.items()}
        return values

    def _sides_to_close(self) -> list[Side]:
        parts = {Side.STOCK: "stock-closing"}
        return [side for side in self._plan.sides if side in CLOSED and parts.get(side, "closing") in self._plan.parts]

    async def _measure_round(self, *, backwards: int) -> dict[Side, Figures]:
        figures: dict[Side, Figures] = {side: {} for side in self._plan.sides[:: -1 if backwards else 1]}
        near = {part: steps for part, steps in NEAR.items() if part != "transfer" or self._near}
        for network, parts in ((self._near or LOOPBACK, near), (LOOPBACK, FAR)):
            chosen = [step for part in parts if part in self._plan.parts for step in parts[part]]
            if chosen:
                await self._take(chosen, network, figures)
        return figures

    async def _take(self, steps: Sequence[Step], network: Network, figures: dict[Side, Figures]) -> None:
        """Each step of one engine right after the other's, so that whatever else the machine does bears on all."""
        async with contextlib.AsyncExitStack() as stack:
            ends: dict[Side, Ends] = {}
            for side in self._well(figures):
                with self._noting_failure(side):
                    ends[side] = await stack.enter_async_context(self._running(side, network))
                    await warm_up(ends[side])
            for step in steps:
                for side in self._well(figures):
                    with self._noting_failure(side):
                        figures[side] |= await step(ends[side], side, self._plan)
            for side in self._well(figures):
                await self._note_waiting(ends[side])

    def _well(self, sides: Mapping[Side, object]) -> list[Side]:
        return [side for side in sides if side not in self.failures]

    @contextlib.contextmanager
    def _noting_failure(self, side: Side) -> Iterator[None]:
        try:
            yield
        except (EOFError, TimeoutError, ConnectionError) as error:
            if not side.is_for_the_record:
                raise
            self.failures[side] = f"it failed: {error or 'time ran out'}"

    def _running(self, side: Side, network: Network) -> contextlib.AbstractAsyncContextManager[Ends]:
        return running_ends(self._paths, side, network, self._plan.tree if side is Side.ACCEL else None)

    async def _note_waiting(self, ends: Ends) -> None:
        self._ran_ns += await ends.serve("cpu")
        self._waited_ns += await ends.serve("waited")
