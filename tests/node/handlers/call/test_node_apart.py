"""Random histories between this process and a node in another one, which calls back: neither keeps anything."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.call_steps import HARM, STEP, nothing, over, settle, take
from tests.support.examples import examples
from tests.support.node_apart import NodeApart, node_apart
from tests.support.two_nodes import Node


class Pair:
    """Both nodes, and the loop in which ours runs for all examples."""

    def __init__(self, runner: asyncio.Runner, node: Node, apart: NodeApart) -> None:
        self._runner, self._node, self._apart = runner, node, apart

    def play(self, steps: list[Any]) -> None:
        self._runner.run(self._play(steps))

    async def _play(self, steps: list[Any]) -> None:
        async with self._apart.world(self._node) as at:
            for step in steps:
                await take(step, at)
            await self._apart.tell("open")
            await settle(at, harmed=True)
            await self._nothing("left")
        await self._nothing("over")
        over(at)

    async def _nothing(self, question: str) -> None:
        """Soon the other node has nothing left either."""
        async with asyncio.timeout(60):
            while left := await self._apart.tell(question):
                await asyncio.sleep(0.02)
        assert not left
        await nothing(lambda: self._node.left.get("handlers"))


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        node = runner.run(stack.enter_async_context(Node().serving()))
        apart = runner.run(stack.enter_async_context(node_apart(node)))
        yield Pair(runner, node, apart)
        runner.run(stack.aclose())


@examples(15)
@given(steps=st.lists(st.one_of(STEP, STEP, HARM), max_size=30))
def test_requests_aborts_and_losses_between_two_processes(pair: Pair, steps: list[Any]) -> None:
    pair.play(steps)
