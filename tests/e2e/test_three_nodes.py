"""Three node processes in a row: an abort at the first reaches the last, and a hub that is killed comes back."""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bench.abort import mark
from node.client.call import CallClient
from node.client.reconnecting import ReconnectingClient
from node.handlers.call.errors import CallError
from tests.support.chain import IDLE, Chain, link_of, running_chain, status
from tests.support.node_process import SECONDS, NodeProcess


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chain(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chain]:
    async with running_chain(tmp_path_factory.mktemp("chain")) as running:
        yield running


def client_of(node: NodeProcess) -> contextlib.AbstractAsyncContextManager[CallClient]:
    return CallClient.connect(node.facts["address"], key=None, pin=node.facts["fingerprint"])


async def test_an_abort_at_the_first_cancels_the_handler_at_the_last(chain: Chain) -> None:
    async with client_of(chain.edge) as edge, client_of(chain.worker) as worker:
        asked = asyncio.create_task(edge.call("edge/wait", {"ticket": "one"}))
        await mark(worker, "worker", "begun", "one")
        asked.cancel()
        last = await mark(worker, "worker", "aborted", "one")
        first = await mark(edge, "edge", "aborted", "one")
        print(f"aborted at the worker {(last - first) / 1e6:.3f} ms after the edge")
        assert last > first
        assert await edge.call("edge/echo", {"ticket": "still there"}) == "still there"


async def test_a_hub_that_is_killed_comes_back_and_what_it_had_asked_for_is_cancelled(chain: Chain) -> None:
    facts = chain.edge.facts
    async with (
        client_of(chain.worker) as worker,
        ReconnectingClient.connect(facts["address"], key=None, pin=facts["fingerprint"]) as edge,
    ):
        asked = asyncio.create_task(edge.call("edge/wait", {"ticket": "two"}))
        await mark(worker, "worker", "begun", "two")
        await chain.kill_hub()
        await chain.start_hub()
        with pytest.raises(CallError):
            await asked
        await mark(worker, "worker", "aborted", "two")
        await link_of(chain.hub, "worker", state="connected", operations=3)
        link = await link_of(chain.edge, "hub", state="connected", operations=3)
        await asyncio.sleep(max(0.0, link["since"] + 1.2 * float(IDLE) - time.time()))  # silence does not end a link
        assert await edge.call("edge/echo", {"ticket": "again"}, query=True) == "again"
    counts = (await status(chain.edge))["metrics"]
    assert (counts["nodes.dialled"], counts["nodes.lost"]) == (2, 1)
    assert chain.edge.text().count("link lost") == 1


async def test_a_node_that_ends_leaves_its_links_without_a_word_of_loss(chain: Chain) -> None:
    await link_of(chain.edge, "hub", state="connected", operations=3)
    before = chain.edge.text().count("link lost")  # of the test above, where that has run on this chain
    chain.edge.process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(chain.edge.process.wait, SECONDS) == 0
    assert chain.edge.text().count("link lost") == before
