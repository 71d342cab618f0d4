"""No connection keeps the loop to itself: reading and writing both come in bounded turns."""

import asyncio
import time

from node.quic.connection.endpoint import TURN
from node.quic.engine.engine import Engine
from tests.support.quic import echo, engine_of, read_all, serving, settled, soon
from tests.support.simulated import Simulation

MB = 1_000_000
MOST_PER_PASS = 24
"""Datagrams: the engine paces itself to 16, and may send the few beyond that are probes."""


def test_one_pass_over_a_bulk_sender_sends_a_bounded_number_of_datagrams(monkeypatch):
    passes = []
    original = Engine.datagrams_to_send

    def counted(engine, now):
        datagrams = original(engine, now)
        passes.append(len(datagrams))
        return datagrams

    monkeypatch.setattr(Engine, "datagrams_to_send", counted)
    run = Simulation()
    run.up.mtu = 1472
    for _ in range(8):
        run.send(run.client, MB)
    run.run_until(lambda: len(run.server.ended) == 8)
    assert run.client.engine._loss.congestion_window > MOST_PER_PASS * 1472 * 4
    assert max(passes) <= MOST_PER_PASS


async def test_the_loop_goes_round_within_a_batch_that_takes_long(monkeypatch):
    """Each of 40 datagrams of one client takes 4 ms; whatever else the loop has to do comes in between."""
    async with serving() as server:
        client, accepted = await server.pair()
        slow, rounds, seen = engine_of(accepted), 0, []
        original = Engine.receive_datagram

        def receive(engine, data, address, now):
            if engine is slow:
                time.sleep(0.004)
                seen.append(rounds)
            original(engine, data, address, now)

        monkeypatch.setattr(Engine, "receive_datagram", receive)
        before = server.listener.snapshot()["datagrams_in"]
        for _ in range(40):
            engine_of(client).send_ping(1)
            client._source._host.flush()
        while len(seen) < 40:
            await asyncio.sleep(0)
            rounds += 1
        # Each is counted once, though most of them were put back several times.
        await settled(lambda: server.listener.snapshot()["datagrams_in"] - before == len(seen))
        most = max(seen.count(number) for number in set(seen))
        # The end of one batch and the beginning of the next may share a round.
        assert most <= 2 * (TURN / 0.004 + 1)
        assert slow.ending is None


async def test_small_exchanges_go_on_beside_bulk_in_both_directions():
    """The bulk does not end before ten of them are through, so each is answered in spite of it."""
    async with serving() as server:
        bulk, bulk_accepted = await server.pair()
        small, small_accepted = await server.pair()
        echoes = [asyncio.create_task(echo(one)) for one in (bulk_accepted, small_accepted)]
        answered = sent = 0

        async def send(stream):
            nonlocal sent
            while answered < 10 or sent < 100 * 65_536:
                await stream.write(bytes(65_536))
                sent += 65_536
            stream.finish()

        async def pump():
            stream = await bulk.open_bi()
            _, received = await asyncio.gather(send(stream), read_all(stream))
            return len(received)

        pumping = asyncio.create_task(pump())
        while not pumping.done():
            stream = await small.open_bi()
            await stream.write(b"small")
            stream.finish()
            assert await soon(read_all(stream)) == b"small"
            answered += 1
        assert await pumping == sent
        for one in (bulk, small):
            one.close()
        await soon(asyncio.gather(*echoes))
