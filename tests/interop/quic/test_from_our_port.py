"""Our dialler at a foreign server, from the port where we listen.

There it asks, unlike a dialler with a socket of its own, that the server leave the id that the handshake was made with
(Retire Prior To 1): that id has no token, so a stateless reset of ours would be noise to the server.
"""

import asyncio
import re

import pytest

from node.quic.client.dial import Dialler
from node.quic.server.listener import QuicListener
from tests.support import http3
from tests.support.foreign import deliver, fetch
from tests.support.lossy import lossy
from tests.support.quic import ALPN, LONG, Server, engine_of, serving, settled, soon

pytestmark = pytest.mark.interop

MIB = 1024 * 1024


async def call(ours, server, via=None):
    host, port = via or server.address
    return await Dialler(ours.listener).dial(host, port, alpn=b"h3", key=None, pin=server.pin, timeout=LONG)


async def test_transfer_beside_connections_of_our_own(foreign):
    async with foreign() as server, serving() as ours:
        first, second = await call(ours, server), await call(ours, server)
        near, far = await ours.pair()
        await asyncio.gather(*(fetch(connection, server, MIB // 4) for connection in (first, second)))
        await deliver(first, server, MIB // 4)
        stream = await near.open_bi()
        await stream.write(b"all along")
        assert await soon((await soon(far.accept_bi())).read()) == b"all along"


async def test_the_server_leaves_the_id_that_has_no_token(foreign):
    async with foreign() as server, serving() as ours:
        connection = await call(ours, server)
        engine = engine_of(connection)
        first = engine.host_cid
        assert first in ours.listener._routes
        await fetch(connection, server, 1000)
        await settled(lambda: first not in ours.listener._routes)
        assert min(issued.sequence_number for issued in engine._host_cids) == 1
        await fetch(connection, server, MIB // 4)


async def crashed(ours):
    """The same node, started again after a crash: it remembers nothing but its key, and knows no HTTP/3 any more."""
    for outgoing in tuple(ours.listener._calls):
        outgoing.link.drop()
    ours.listener._udp.close()
    return Server(await QuicListener.bind(ours.host, ours.port, key=ours.key, alpns=[ALPN]), ours.key)


async def test_after_a_crash_the_server_is_sent_the_token_that_it_was_given_for_the_id_in_use(foreign):
    """It cannot be seen to believe that: the example looks for a connection by id only, and a reset names none."""
    async with foreign() as server, serving() as ours, lossy(server.address) as proxy:
        connection = await call(ours, server, via=proxy.address)
        await fetch(connection, server, 1000)
        await settled(lambda: engine_of(connection).host_cid not in ours.listener._routes)
        stream = await connection.open_bi()
        await stream.write(http3.request(server.page(8 * MIB), has_body=False))
        stream.finish()
        await soon(stream.read())
        again = await crashed(ours)
        resets, used = [], set()
        proxy.watch = lambda to_server, data: resets.append(data) if to_server else used.add(data[1:9].hex())
        await settled(lambda: resets and used)
        given = dict(re.findall(rb"cid=0x(\w+) retire_prior_to=1 stateless_reset_token=0x(\w+)", server.output()))
        tokens = {given[connection_id.encode()].decode() for connection_id in used}
        assert {reset[-16:].hex() for reset in resets} <= tokens
        await again.listener.close()
