"""Datagrams a second from one address, before a handshake."""

import asyncio
import random
import socket
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from node.quic.server.crowd import Crowd
from node.quic.tls.keys import NodeKey
from tests.node.quic.server.test_gate import Forger, sender
from tests.support.quic import serving, settled, soon


@given(st.lists(st.integers(0, 4), max_size=300), st.integers(1, 20))
def test_a_few_addresses_get_what_the_limit_says(comers, limit):
    crowd, counts = Crowd(), Counter()
    for number in comers:
        counts[number] += 1
        assert crowd.take(f"192.0.2.{number}", limit, 5.0) == (counts[number] <= limit)


def test_everybody_begins_anew_each_second():
    crowd = Crowd()
    assert [crowd.take("192.0.2.1", 2, 5.0 + later / 4) for later in range(8)] == 2 * [True, True, False, False]


def test_a_flood_of_forged_addresses_leaves_the_others_alone():
    """20 000 in one second under ever new names, and as many under names that are used to their limit."""
    crowd, draw = Crowd(), random.Random(1)
    size = len(crowd._first) + len(crowd._second)
    for _ in range(20_000):
        crowd.take(f"198.51.{draw.randrange(256)}.{draw.randrange(256)}", 1000, 5.0)
        crowd.take(f"203.0.113.{draw.randrange(20)}", 1000, 5.0)
    shut_out = sum(not crowd.take(f"192.0.2.{number}", 1000, 5.0) for number in range(256))
    assert shut_out == 0
    assert len(crowd._first) + len(crowd._second) == size


def test_cells_cannot_be_aimed_at():
    """The same addresses fall together in one second and apart in the next."""
    crowd, keys = Crowd(), set()
    for second in range(5):
        crowd.take("192.0.2.1", 1, float(second))
        keys.add((crowd._first.index(1), crowd._second.index(1)))
    assert len(keys) > 1


async def test_who_knocks_too_often_is_not_answered_and_the_others_are():
    async with serving(strangers_per_second=40, retry_above=0) as server:
        client, accepted = await server.pair()
        metrics = server.listener.metrics
        with sender(server) as sock:
            forger = Forger(server.key.fingerprint)
            for _ in range(150):
                sock.send(forger.initial())
            await settled(lambda: metrics.strangers_dropped >= 100)
        stream = await client.open_bi()
        await stream.write(b"an old connection of that address")
        assert await soon((await soon(accepted.accept_bi())).read())
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.2", 0))
            other.settimeout(0)
            other.connect((server.host, server.port))
            before = metrics.retried
            other.send(forger.initial())
            await settled(lambda: metrics.retried == before + 1)
            assert other.recv(2000)
        assert server.listener.snapshot()["strangers_dropped"] == metrics.strangers_dropped


async def test_a_flood_for_a_handshake_under_way_is_held_to_the_same_rate():
    """Its packets find a connection, each would be decrypted."""
    async with serving(strangers_per_second=20) as server:
        with sender(server) as sock:
            initial = Forger(NodeKey.generate().fingerprint).initial()
            for _ in range(100):
                sock.send(initial)
            await settled(lambda: server.listener.snapshot()["datagrams_in"] == 100)
        assert server.listener.metrics.strangers_dropped >= 60
        assert len(server.links) <= 1
        await asyncio.sleep(0)
