"""Random histories between two nodes that call each other over real QUIC, over two connections at once.

Each request has one end, nothing is said after it, and neither node keeps anything: no task, no entry of a table, no
slot, no byte of a budget and no stream. More examples: `--hypothesis-profile=many`.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.call_steps import HARM, STEP, nothing, over, settle, take
from tests.support.examples import examples
from tests.support.two_nodes import TwoNodes, two_nodes


class Pair:
    """Both nodes, and the loop in which they run for all examples."""

    def __init__(self, runner: asyncio.Runner, nodes: TwoNodes) -> None:
        self._runner, self._nodes = runner, nodes

    def play(self, steps: list[Any], *, harmed: bool) -> None:
        self._runner.run(self._play(steps, harmed=harmed))

    async def _play(self, steps: list[Any], *, harmed: bool) -> None:
        before = asyncio.all_tasks()
        async with self._nodes.world() as at:
            for step in steps:
                await take(step, at)
            await settle(at, harmed=harmed)
        await nothing(lambda: self._nodes.left)
        over(at)
        await nothing(lambda: asyncio.all_tasks() - before)


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with asyncio.Runner() as runner:
        manager = two_nodes()
        nodes = runner.run(manager.__aenter__())
        yield Pair(runner, nodes)
        runner.run(nothing(lambda: [node.listener._hosts for node in nodes.nodes if node.listener._hosts]))
        runner.run(manager.__aexit__(None, None, None))


@examples(25)
@given(steps=st.lists(STEP, max_size=30))
def test_requests_and_aborts_of_two_nodes(pair: Pair, steps: list[Any]) -> None:
    pair.play(steps, harmed=False)


@examples(25)
@given(steps=st.lists(st.one_of(STEP, STEP, HARM), max_size=40))
def test_resets_ends_and_losses_between_two_nodes(pair: Pair, steps: list[Any]) -> None:
    pair.play(steps, harmed=True)
