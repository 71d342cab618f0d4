"""A node dials from the port where it listens."""

import asyncio
import contextlib
import os

import pytest

from node.core.errors import ConnectError, HandshakeError, PinMismatch
from node.quic.client import ports
from node.quic.client.dial import Dialler
from node.quic.server.listener import QuicListener
from node.quic.tls.keys import NodeKey
from tests.support.lossy import Fate, lossy
from tests.support.quic import (
    ALPN,
    LONG,
    Server,
    echo,
    engine_of,
    exchange,
    read_all,
    serving,
    settled,
    socket_of,
    soon,
)


def from_port_of(server):
    return Dialler(server.listener)


async def call(caller, callee, **changes):
    """Both ends of a connection from the port of one server to that of another."""
    arguments = {"alpn": ALPN, "key": caller.key, "pin": callee.key.fingerprint, "timeout": LONG} | changes
    client = await from_port_of(caller).dial(callee.host, callee.port, **arguments)
    return client, await callee.accepted()


async def test_the_peer_sees_the_port_where_we_listen_and_the_key_that_we_show():
    async with serving() as near, serving() as far:
        client, accepted = await call(near, far)
        assert accepted.address == near.listener.address
        assert accepted.fingerprint == near.key.fingerprint
        assert client.remote_addr == far.listener.address
        await exchange(client, accepted.connection)


async def test_connections_in_both_directions_between_the_same_two_ports_live_side_by_side():
    async with serving() as near, serving() as far:
        pairs = [await call(near, far), await call(far, near), await call(near, far)]
        async with asyncio.TaskGroup() as tasks:
            for number, (client, accepted) in enumerate(pairs):
                tasks.create_task(echo(accepted.connection))
                stream = await client.open_bi()
                await stream.write(b"%d" % number * 50_000)
                stream.finish()
                assert await soon(read_all(stream)) == b"%d" % number * 50_000
            for client, _ in pairs:
                client.close()


async def test_a_port_can_call_itself():
    async with serving() as server:
        client, accepted = await call(server, server)
        await exchange(client, accepted.connection)


async def test_outgoing_connections_are_charged_to_no_limit_on_incoming_ones():
    async with serving(max_connections=1, max_connections_per_address=1) as near, serving() as far:
        for _ in range(3):
            await call(near, far)
        assert near.listener._admission.total == 0
        await near.pair()


async def test_outgoing_connections_go_on_after_stop_accepting_and_end_with_the_listener():
    async with serving() as near, serving() as far:
        client, accepted = await call(near, far)
        near.listener.stop_accepting()
        await exchange(client, accepted.connection)
        await call(near, far)
        await near.listener.close()
        closed = await soon(accepted.connection.wait_closed())
        assert (closed.code, closed.reason) == (0, "shutdown")
        assert not near.listener._calls
        assert not near.listener._routes
        with pytest.raises(ConnectError, match="not open"):
            await call(near, far)


async def test_a_listener_that_was_not_started_cannot_dial():
    async with serving() as far:
        listener = await QuicListener.bind("127.0.0.1", 0, key=NodeKey.generate(), alpns=[ALPN])
        with pytest.raises(ConnectError, match="not open"):
            await Dialler(listener).dial(far.host, far.port, alpn=ALPN, key=None, pin=far.key.fingerprint)
        await listener.close()


async def test_a_port_of_one_family_does_not_reach_the_other():
    async with serving() as near, serving("::1") as far:
        with pytest.raises(ConnectError, match=r"from 127\.0\.0\.1"):
            await call(near, far)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_port_of_both_families_reaches_either(host):
    async with serving("::") as near, serving(host) as far:
        client, accepted = await call(near, far)
        assert accepted.address == (host, near.port)
        assert client.remote_addr == (host, far.port)
        await exchange(client, accepted.connection)


async def test_failed_dials_leave_nothing_on_the_shared_socket():
    async with serving() as near, serving() as far:
        with pytest.raises(PinMismatch):
            await call(near, far, pin=NodeKey.generate().fingerprint)
        with pytest.raises(HandshakeError):
            await call(near, far, alpn=b"alknet/unheard-of")
        with pytest.raises(HandshakeError):
            await call(near, far, pin=None)
        dialling = asyncio.create_task(call(near, far, pin=None))
        await asyncio.sleep(0)
        dialling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await dialling
        assert not near.listener._calls
        assert not near.listener._routes
        assert not len(near.listener._resets)
        await settled(lambda: not far.links)


async def test_noise_before_the_answer_does_not_end_the_attempt():
    """An unreadable packet to the connection id of an attempt is noise, and the attempt waits on."""
    async with serving() as near, serving() as far, lossy(far.listener.address) as proxy:
        proxy.judge = lambda to_server: Fate.DELIVER if to_server else Fate.DROP
        dialling = asyncio.create_task(
            from_port_of(near).dial(*proxy.address, alpn=ALPN, key=None, pin=far.key.fingerprint, timeout=LONG)
        )
        await settled(lambda: near.listener._calls)
        (outgoing,) = near.listener._calls
        header = bytes([0xC0, 0, 0, 0, 1, 8]) + outgoing.link.engine.host_cid + bytes([0, 0, 0x41, 0])
        far.listener._udp.send(header + os.urandom(256), near.listener.address)
        await settled(lambda: proxy.lost)
        proxy.judge = lambda to_server: Fate.DELIVER
        await soon(dialling)


async def test_both_ports_forget_a_closed_connection():
    async with serving() as near, serving() as far:
        client, accepted = await call(near, far)
        await exchange(client, accepted.connection)
        assert len(near.listener._resets) == 1
        client.close(7, "done")
        assert (await soon(accepted.connection.wait_closed())).code == 7
        await settled(lambda: not near.listener._calls and not far.links)
        assert not near.listener._routes
        assert not len(near.listener._resets)


async def restarted(server):
    """The same node after a crash: nobody was told, and nothing is remembered but the key."""
    for link in server.links:
        link.drop()
    for outgoing in tuple(server.listener._calls):
        outgoing.link.drop()
    server.listener._udp.close()
    listener = await QuicListener.bind(server.host, server.port, key=server.key, alpns=[ALPN])
    return Server(listener, server.key)


async def test_a_restarted_node_is_noticed_by_a_connection_from_a_shared_socket():
    async with serving(idle_timeout=600) as near, serving(idle_timeout=600) as far:
        client, accepted = await call(near, far)
        other, accepted_other = await call(near, far)
        (stream, _), _ = await exchange(client, accepted.connection), await exchange(other, accepted_other.connection)
        again = await restarted(far)
        await stream.write(b"still there?")
        closed = await soon(client.wait_closed())
        assert closed.reason == "stateless reset"
        # The other connection has not asked, so it does not know yet.
        assert not engine_of(other).ended
        await soon(call(near, again))
        other.close()
        await again.listener.close()


async def test_a_restarted_node_is_noticed_by_those_whom_it_had_dialled():
    """The server's side of it: a node that dials from its port gives its connection ids tokens, and has them used."""
    async with serving(idle_timeout=600) as near, serving(idle_timeout=600) as far:
        client, accepted = await call(near, far)
        _, stream = await exchange(client, accepted.connection)
        await settled(lambda: engine_of(accepted.connection).peer_reset_token)
        again = await restarted(near)
        await stream.write(b"still there?")
        assert (await soon(accepted.connection.wait_closed())).reason == "stateless reset"
        await settled(lambda: not far.links)
        await again.listener.close()


async def test_the_ids_of_an_outgoing_connection_are_routed_and_the_retired_ones_are_not():
    async with serving() as near, serving() as far:
        client, accepted = await call(near, far)
        for _ in range(3):
            await exchange(client, accepted.connection)
            engine_of(accepted.connection).change_connection_id()
        await exchange(client, accepted.connection)
        engine = engine_of(client)
        await settled(lambda: all(issued.sequence_number > 3 for issued in engine._host_cids))
        issued = {one.cid for one in engine._host_cids if one.was_sent}
        await settled(lambda: near.listener._routes.keys() == {one.cid for one in engine._host_cids if one.was_sent})
        assert issued


async def test_a_reset_from_another_address_than_the_peer_s_is_ignored():
    async with serving() as near, serving() as far, serving() as third:
        client, accepted = await call(near, far)
        await exchange(client, accepted.connection)
        token = engine_of(client).peer_reset_token
        third.listener._udp.send(b"\x40" + os.urandom(30) + token, near.listener.address)
        await exchange(client, accepted.connection)
        far.listener._udp.send(b"\x40" + os.urandom(30) + token, near.listener.address)
        assert (await soon(client.wait_closed())).reason == "stateless reset"


async def test_a_stand_alone_socket_that_is_left_alone_is_closed_after_a_while(monkeypatch):
    monkeypatch.setattr(ports, "LINGER", 0.01)
    async with serving() as server:
        client = await server.dial()
        own = socket_of(client)
        client._source._host.engine._loss.get_probe_timeout = lambda **_: 60.0
        client.close()
        assert own._udp.is_open
        await settled(lambda: not own._udp.is_open)
