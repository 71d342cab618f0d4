"""The runner's cases of bad networks: loss, damage, disorder, long paths, silence."""

import asyncio

import pytest
from aioquic.quic.packet import QuicPacketType

from tests.support.callers import Wishes
from tests.support.lossy import ETHERNET, Fate, bad_weather, lossy, now_and_then
from tests.support.quic import settled, soon
from tests.support.site import site
from tests.support.wire import Capture

MIB = 1024 * 1024
PATIENCE = 60.0
"""Seconds for a handshake or a transfer. Each probe that is lost doubles the wait for the next (RFC 9002 §6.2.1)."""
PATIENT = Wishes(patience=PATIENCE)
SEEDS = {"ours": 16, "gtlsclient": 8, "qh3": 4}
"""Handshakes at once, each in a weather of its own."""


async def handshake_in(make, judge, seed):
    """One handshake and a small page through this weather; the datagrams that it spoilt."""
    limits = {"handshake_timeout": PATIENCE, "idle_timeout": PATIENCE}
    async with site(**limits) as server, lossy(server.address, seed, ETHERNET) as proxy:
        proxy.judge = judge
        async with asyncio.timeout(PATIENCE):
            await make(server).fetch(1000, via=proxy.address, wishes=PATIENT)
        return proxy.lost + proxy.damaged


async def through(make, judge, seed, size):
    """A transfer each way; the datagrams that the weather spoilt."""
    async with site() as server, lossy(server.address, seed, ETHERNET) as proxy:
        client = make(server)
        proxy.judge = judge
        for transfer in (client.fetch, client.deliver):
            async with asyncio.timeout(PATIENCE):
                await transfer(size, via=proxy.address, wishes=PATIENT)
        return proxy.lost + proxy.damaged


@pytest.mark.parametrize(("fate", "share"), [(Fate.DROP, 0.3), (Fate.CORRUPT, 0.2)], ids=["loss", "corruption"])
async def test_handshakes_in(make, fate, share, request):
    seeds = range(SEEDS[request.node.callspec.params["make"]])
    spoilt = await asyncio.gather(*(handshake_in(make, now_and_then(fate, share, seed), seed) for seed in seeds))
    assert sum(spoilt) > len(seeds)


@pytest.mark.parametrize("fate", [Fate.DROP, Fate.CORRUPT], ids=["loss", "corruption"])
async def test_transfer_in(make, fate):
    assert await through(make, now_and_then(fate, 0.02, 1), 1, MIB // 2) > 10


async def test_transfer_in_loss_repetition_and_disorder(make):
    assert await through(make, bad_weather(1), 1, MIB // 8) > 10


async def test_datagrams_of_the_hello_in_the_wrong_order(make):
    """A post-quantum hello takes two."""
    async with site() as server, lossy(server.address, largest=ETHERNET) as proxy:
        fates = iter([Fate.HOLD])
        proxy.judge = lambda to_server: next(fates, Fate.DELIVER) if to_server else Fate.DELIVER
        await soon(make(server).fetch(1000, via=proxy.address))
        assert len(server.connections) == 1


@pytest.mark.soak
@pytest.mark.parametrize("fate", [Fate.DROP, Fate.CORRUPT], ids=["loss", "corruption"])
@pytest.mark.parametrize("seed", range(20))
async def test_long_transfers(make, fate, seed):
    assert await through(make, now_and_then(fate, 0.02, seed), seed, 8 * MIB) > 100
    assert await through(make, bad_weather(seed), seed, MIB) > 10


@pytest.mark.soak
@pytest.mark.parametrize("fate", [Fate.DROP, Fate.CORRUPT], ids=["loss", "corruption"])
async def test_many_handshakes(make, fate):
    for first in range(100, 600, 10):
        seeds = range(first, first + 10)
        await asyncio.gather(*(handshake_in(make, now_and_then(fate, 0.3, seed), seed) for seed in seeds))


class Unanswered(Capture):
    """How many Initials the client had sent when the server's first datagram reached it."""

    initials = 0

    def _delivered(self, to_server, data):
        super()._delivered(to_server, data)
        if not to_server and not self.initials:
            self.initials = self.count(QuicPacketType.INITIAL, to_server=True)


async def test_longrtt(make, request):
    """A round trip longer than the client waits before it says its hello again."""
    hello = 2 if request.node.callspec.params["make"] == "qh3" else 1
    async with site() as server, lossy(server.address, largest=ETHERNET) as proxy:
        proxy.delay = 0.06
        seen = Unanswered(proxy)
        await soon(make(server).fetch(1000, via=proxy.address, wishes=Wishes(first_round_trip=0.015)))
        assert seen.initials > hello
        assert server.engine._loss._rtt_min > 0.1


async def test_blackhole(make):
    """Nothing passes for a while in the midst of a transfer."""
    async with site() as server, lossy(server.address, largest=ETHERNET) as proxy:
        client = make(server)
        delivering = asyncio.create_task(client.deliver(MIB, via=proxy.address))
        engine = await server.confirmed()
        await settled(lambda: engine._local_max_data.used > 256 * 1024)
        proxy.judge = lambda _: Fate.DROP
        await asyncio.sleep(0.4)
        assert not delivering.done()
        assert proxy.lost > 0
        proxy.judge = lambda _: Fate.DELIVER
        await soon(delivering)


async def narrowing(make, transfer):
    """A transfer of 2 MiB on whose way datagrams that were let through are no longer, and nobody says so."""
    async with site() as server, lossy(server.address) as proxy:
        transferring = asyncio.create_task(transfer(make(server), 2 * MIB, via=proxy.address))
        engine = await server.confirmed()
        await settled(lambda: engine._packet_number > 40 or engine._local_max_data.used > MIB // 2)
        proxy.largest = 1252
        await soon(transferring)
        return proxy.too_long


async def test_a_path_that_turns_narrow_on_the_way_to_the_client(make):
    assert await narrowing(make, lambda client, *a, **k: client.fetch(*a, **k)) > 0


@pytest.mark.makes("ours")
async def test_a_path_that_turns_narrow_on_the_way_to_the_server(make):
    # The other two look for no black holes: they go on sending what no longer passes.
    assert await narrowing(make, lambda client, *a, **k: client.deliver(*a, **k)) > 0
