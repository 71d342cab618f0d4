"""The end of a connection that we dialled, and what its socket does then."""

import asyncio
import gc

import pytest

from node.quic.client.dial import dial_quic
from tests.support.lossy import Fate, lossy
from tests.support.quic import ALPN, LONG, engine_of, exchange, serving, settled, socket_of, soon


class Losing:
    """Loses the next datagrams to the server."""

    def __init__(self, count):
        self.left = count

    def __call__(self, to_server):
        if not to_server or not self.left:
            return Fate.DELIVER
        self.left -= 1
        return Fate.DROP


async def open_through(proxy, server):
    """A connection with one exchange done, on a path that seems slow, so that no machine is too slow for the test."""
    client, accepted = await server.pair(host=proxy.address[0], port=proxy.address[1])
    _, far = await exchange(client, accepted)
    engine_of(client)._loss.get_probe_timeout = lambda **_: LONG
    return client, accepted, far


@pytest.mark.parametrize("lost", [1, 3])
async def test_a_close_that_was_lost_is_said_again_to_a_peer_that_goes_on(lost):
    async with serving(idle_timeout=600) as server, lossy((server.host, server.port)) as proxy:
        client, accepted, far = await open_through(proxy, server)
        proxy.judge = Losing(lost)
        client.close(7, "done")
        # Our own side waits for none of that.
        assert (await soon(client.wait_closed())).code == 7
        closed = asyncio.create_task(accepted.wait_closed())
        async with asyncio.timeout(LONG):
            while not closed.done():
                await far.write(b"are you there?")
                await asyncio.sleep(0.005)
        assert (closed.result().code, closed.result().reason) == (7, "done")
        assert not proxy.judge.left


async def test_a_connection_that_the_peer_closed_gives_its_socket_up_at_once():
    async with serving() as server:
        client, accepted = await server.pair()
        own = socket_of(client)
        accepted.close(3, "bye")
        await soon(client.wait_closed())
        assert not own._udp.is_open
        assert own._lingering is None


async def test_a_closed_connection_leaves_no_task_no_timer_and_no_socket():
    async with serving() as server:
        before = asyncio.all_tasks()
        client, _ = await server.pair()
        own = socket_of(client)
        client.close()
        await settled(lambda: asyncio.all_tasks() <= before)
        assert not own._udp.is_open
        assert not own._calls
        assert client._source._host._alarm.is_set is False


def test_a_loop_that_ends_right_after_a_close_leaves_no_socket_open():
    """An open socket would be a ResourceWarning, which fails the test that leaves it."""

    async def dial_and_go():
        async with serving() as server:
            client = await dial_quic(server.host, server.port, alpn=ALPN, key=None, pin=server.key.fingerprint)
            engine_of(client)._loss.get_probe_timeout = lambda **_: LONG
            client.close()

    asyncio.run(dial_and_go())
    gc.collect()
