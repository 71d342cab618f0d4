"""Whatever happens in whatever order: each request ends exactly once, and leaves nothing behind (spec call §5–§7).

Over memory, where a turn of the loop is all the time there is; test_two_nodes.py has the same over the network.
"""

import asyncio
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.call_steps import HARM, STEP, nothing, over, settle, take
from tests.support.call_world import world
from tests.support.examples import examples

EXAMPLES = examples(120)


async def play(steps: list[Any], *, one_stream: bool, harmed: bool) -> None:
    before = asyncio.all_tasks()
    async with world(one_stream=one_stream) as at:
        for step in steps:
            await take(step, at)
        await settle(at, harmed=harmed)
    over(at)
    await nothing(lambda: at.left)
    await nothing(lambda: asyncio.all_tasks() - before)


@EXAMPLES
@given(st.lists(STEP, max_size=30))
def test_requests_and_aborts_over_many_streams(steps: list[Any]) -> None:
    asyncio.run(play(steps, one_stream=False, harmed=False))


# Handlers that call back held every slot, and the only reader waited for one ahead of their answers.
@example([("subscribe", 0, "back", 1), *[("subscribe", 1, "back", 1)] * 4])
@EXAMPLES
@given(st.lists(STEP, max_size=30))
def test_requests_and_aborts_over_one_stream(steps: list[Any]) -> None:
    asyncio.run(play(steps, one_stream=True, harmed=False))


# A call was answered with the first of many items, and its peer gave it up: the next item had it aborted all the same.
@example([("call", 0, "echo"), ("call", 1, "bulk"), ("give up", 0), ("turns", 8), ("abort", 0, 0)])
@EXAMPLES
@given(st.lists(st.one_of(STEP, STEP, HARM), max_size=40))
def test_a_hostile_peer_and_a_broken_network_over_many_streams(steps: list[Any]) -> None:
    asyncio.run(play(steps, one_stream=False, harmed=True))


@EXAMPLES
@given(st.lists(st.one_of(STEP, STEP, STEP, HARM), max_size=40))
def test_a_hostile_peer_and_a_broken_network_over_one_stream(steps: list[Any]) -> None:
    asyncio.run(play(steps, one_stream=True, harmed=True))
