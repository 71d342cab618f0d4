"""The life of a listener."""

import asyncio
import socket

import pytest

from node.core.errors import HandshakeError
from node.core.listener import Listener
from node.core.live import Live
from node.quic.limits import QuicLimits
from node.quic.metrics import Refusal
from node.quic.server.listener import QuicListener
from node.quic.tls.keys import NodeKey
from tests.support.quic import ALPN, Server, engine_of, move, read_all, serving, settled, soon


async def test_nothing_is_answered_before_start_and_the_waiting_handshake_after():
    key = NodeKey.generate()
    listener: Listener = await QuicListener.bind("127.0.0.1", 0, key=key, alpns=[ALPN], limits=QuicLimits())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0)
        probe.sendto(b"\xc0\x1a\x2a\x3a\x4a\x08" + bytes(1300), listener.address)
        await asyncio.sleep(0.01)
        with pytest.raises(BlockingIOError):
            probe.recv(100)
        server = Server(listener, key)
        await server.pair()
        assert probe.recv(100)
    await listener.close()


async def test_a_taken_port_is_an_os_error():
    async with serving() as server:
        with pytest.raises(OSError, match="in use"):
            await QuicListener.bind(server.host, server.port, key=server.key, alpns=[ALPN], limits=QuicLimits())


async def test_after_stop_accepting_new_handshakes_are_refused_and_old_connections_live():
    async with serving() as server:
        client, accepted = await server.pair()
        server.listener.stop_accepting()
        with pytest.raises(HandshakeError) as caught:
            await server.dial()
        assert caught.value.code == 0x2
        stream = await client.open_bi()
        await stream.write(b"still here")
        stream.finish()
        assert await soon(read_all(await soon(accepted.accept_bi()))) == b"still here"
        assert server.waiting == 0


async def test_closing_tells_every_client_and_frees_the_port():
    async with serving() as server:
        clients = []
        for _ in range(3):
            client, accepted = await server.pair()
            # A first exchange, so that the client knows its handshake to be confirmed.
            stream = await client.open_bi()
            await stream.write(b"x")
            far = await soon(accepted.accept_bi())
            await far.write(b"y")
            await soon(stream.read())
            clients.append(client)
        await server.listener.close()
        for client in clients:
            closed = await soon(client.wait_closed())
            assert (closed.code, closed.reason) == (0, "shutdown")
        await server.listener.close()
        again = await QuicListener.bind(server.host, server.port, key=server.key, alpns=[ALPN])
        await again.close()


async def test_an_issued_connection_id_is_routed_before_the_peer_can_use_it():
    unrouted = []

    class Flushing(Server):
        def _accept(self, *args, **kwargs):
            link = self.links[0]
            link.flush()
            issued = [one.cid for one in link.engine._host_cids if one.was_sent]
            unrouted.append((len(issued), set(issued) - self.listener._routes.keys()))
            super()._accept(*args, **kwargs)

    async with serving(make=Flushing) as server:
        await server.pair()
    ((issued, missing),) = unrouted
    assert issued > 2
    assert not missing


async def test_a_finished_connection_leaves_no_trace():
    async with serving() as server:
        client, accepted = await server.pair()
        assert len(server.listener._routes) > 1
        client.close()
        await soon(accepted.wait_closed())
        await settled(lambda: not server.links)
        assert server.listener._routes == {}
        assert server.listener._admission.total == 0
        assert not server.listener._admission.by_origin
        await settled(lambda: client._source._host._alarm.is_set is False)
        assert accepted._source._host._alarm.is_set is False


async def test_a_failed_dial_leaves_no_socket_open():
    """An open socket would be a ResourceWarning, which fails the test that leaves it."""
    async with serving() as server:
        for _ in range(3):
            with pytest.raises(HandshakeError):
                await server.dial(pin=NodeKey.generate().fingerprint)


async def test_a_cancelled_dial_gives_up_its_socket():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        async with serving() as server:
            host, port = silent.getsockname()
            dialling = asyncio.create_task(server.dial(host=host, port=port))
            await asyncio.sleep(0.01)
            dialling.cancel()
            with pytest.raises(asyncio.CancelledError):
                await dialling


async def test_a_client_that_changes_its_port_keeps_its_connection():
    """A NAT may forget us: the next packet comes from elsewhere (RFC 9000 §9)."""
    async with serving() as server:
        client, accepted = await server.pair()
        stream = await client.open_bi()
        await stream.write(b"a")
        far = await soon(accepted.accept_bi())
        assert await soon(far.read()) == b"a"
        before = accepted.remote_addr
        move(client)
        await stream.write(b"b")
        assert await soon(far.read()) == b"b"
        await far.write(b"c")
        assert await soon(stream.read()) == b"c"
        await settled(lambda: accepted.remote_addr != before)
        assert engine_of(accepted).begun


async def test_limits_that_change_hold_for_the_next_connection_and_spare_the_old_ones():
    limits = Live(QuicLimits(max_connections=1, max_streams=3))
    key = NodeKey.generate()
    listener = await QuicListener.bind("127.0.0.1", 0, key=key, alpns=[ALPN], limits=limits)
    server = Server(listener, key)
    first, _ = await server.pair()
    with pytest.raises(HandshakeError):
        await server.dial()
    limits.value = QuicLimits(max_connections=2, max_streams=5, idle_timeout=7)
    second, accepted = await server.pair()
    engines = engine_of(first), engine_of(second)
    assert [engine._remote_max_streams_bidi for engine in engines] == [3, 5]
    assert [engine._remote_max_idle_timeout for engine in engines] == [30, 7]
    assert engine_of(accepted)._limits is limits.value
    for client in (first, second):
        client.close()
    await listener.close()


async def test_every_number_can_be_had_at_once():
    async with serving(max_connections=1) as server:
        await server.pair()
        with pytest.raises(HandshakeError):
            await server.dial()
        numbers = server.listener.snapshot()
    assert (numbers["connections"], numbers["half_open"], numbers["refused_total"]) == (1, 0, 1)
    assert numbers["datagrams_in"] > 3
    assert {f"refused_{reason}" for reason in Refusal} < numbers.keys()
    troubles = server.listener.metrics.troubles()
    assert {name for name, count in troubles.items() if count} == {"refused_total"}
