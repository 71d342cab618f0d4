"""How connections end, and that everyone learns it at once."""

import asyncio
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.core.connection import CLOSE_REVOKED
from node.core.errors import ConnectError, ConnectionClosed, HandshakeError, StreamTimeout
from node.quic.engine.ending import MAX_REASON, clip, printable_reason
from tests.support.lossy import Fate, lossy
from tests.support.quic import engine_of, read_all, serving, settled, soon


async def test_code_and_reason_of_a_close_reach_the_peer_before_the_draining_period_ends():
    async with serving() as server:
        client, accepted = await server.pair()
        waiting = asyncio.create_task(client.wait_closed())
        accepted.close(CLOSE_REVOKED, "peer disabled")
        closed = await soon(waiting)
        assert (closed.code, closed.reason) == (CLOSE_REVOKED, "peer disabled")
        # The server's engine still lingers, so nobody waited for it.
        assert len(server.links) == 1
        assert (await soon(accepted.wait_closed())).code == CLOSE_REVOKED


async def test_a_client_s_close_reaches_the_server():
    async with serving() as server:
        client, accepted = await server.pair()
        stream = await client.open_bi()
        await stream.write(b"x")
        await soon(accepted.accept_bi())
        client.close(5, "done")
        closed = await soon(accepted.wait_closed())
        assert (closed.code, closed.reason) == (5, "done")


async def test_a_close_wakes_every_waiter_on_both_sides():
    async with serving(max_streams=1, stream_window=4096) as server:
        client, accepted = await server.pair()
        stream = await client.open_bi()
        await stream.write(b"!")
        far = await soon(accepted.accept_bi())
        await far.read(1)
        waiters = [
            asyncio.create_task(waiting)
            for waiting in (
                stream.read(),
                stream.write(bytes(2 * 1024 * 1024)),
                client.open_bi(),
                client.accept_bi(),
                accepted.accept_bi(),
                far.read(1024 * 1024),
            )
        ]
        await asyncio.sleep(0.01)
        waiters[-1].cancel()
        accepted.close(9, "over")
        results = await soon(asyncio.gather(*waiters[:-1], return_exceptions=True))
        assert {(type(error), error.code, error.reason) for error in results} == {(ConnectionClosed, 9, "over")}
        for late in (client.open_bi(), client.accept_bi(), stream.write(b"x"), far.read(), far.write(b"x")):
            with pytest.raises(ConnectionClosed):
                await late


async def test_each_waiter_gets_an_error_of_its_own():
    async with serving() as server:
        client, _ = await server.pair()
        waiters = [asyncio.create_task(client.accept_bi()) for _ in range(2)]
        await asyncio.sleep(0)
        client.close()
        first, second = await soon(asyncio.gather(*waiters, return_exceptions=True))
        assert first is not second


async def test_what_arrived_before_the_peer_left_can_still_be_read():
    async with serving() as server:
        client, accepted = await server.pair()
        stream = await client.open_bi()
        await stream.write(b"ask")
        far = await soon(accepted.accept_bi())
        await far.write(b"last words")
        far.finish()
        assert await soon(stream.read(4)) == b"last"
        accepted.close(0, "bye")
        await soon(client.wait_closed())
        assert await soon(read_all(stream)) == b" words"
        with pytest.raises(ConnectionClosed):
            await stream.write(b"x")


async def test_after_our_own_close_nothing_more_is_read():
    """A revoked peer's request that waits in a buffer must not be served."""
    async with serving() as server:
        client, accepted = await server.pair()
        stream = await client.open_bi()
        await stream.write(b"first, second")
        far = await soon(accepted.accept_bi())
        assert await soon(far.read(5)) == b"first"
        accepted.close(CLOSE_REVOKED, "peer removed")
        with pytest.raises(ConnectionClosed):
            await far.read()


async def test_the_first_close_wins_and_repeating_is_harmless():
    async with serving() as server:
        client, accepted = await server.pair()
        accepted.close(1, "first")
        accepted.close(2, "second")
        assert (await soon(client.wait_closed())).code == 1
        client.close(3, "third")
        assert (await soon(client.wait_closed())).code == 1


async def test_a_long_reason_is_cut_and_a_strange_one_made_printable():
    async with serving() as server:
        client, accepted = await server.pair()
        accepted.close(1, "ä" * 4000)
        assert (await soon(client.wait_closed())).reason == "ä" * (MAX_REASON // 2)
        client, accepted = await server.pair()
        accepted.close(1, "red\x1b[31m\nline")
        assert (await soon(client.wait_closed())).reason == "red�[31m�line"


@given(st.text())
def test_a_clipped_reason_is_a_prefix_of_bounded_size(text):
    assert len(clip(text).encode()) <= MAX_REASON
    assert text.encode(errors="replace").decode().startswith(clip(text))
    assert printable_reason(text).isprintable()


async def test_an_idle_connection_times_out_on_both_sides():
    async with serving(idle_timeout=0.15) as server:
        client, accepted = await server.pair()
        stream = await client.open_bi()
        await stream.write(b"!")
        far = await soon(accepted.accept_bi())
        await far.read(1)
        for waiting in (stream.read(), far.read()):
            with pytest.raises(StreamTimeout):
                await soon(waiting)
        closed = await soon(client.wait_closed())
        assert (closed.code, closed.reason) == (0, "idle timeout")
        with pytest.raises(ConnectionClosed):
            await client.accept_bi()
        with pytest.raises(StreamTimeout):
            await client.open_bi()
        await soon(accepted.wait_closed())
        assert server.links == []


async def test_a_lost_close_is_repeated_when_the_peer_goes_on_talking():
    async with serving() as server, lossy((server.host, server.port)) as proxy:
        client, accepted = await server.pair(host=proxy.address[0], port=proxy.address[1])
        stream = await client.open_bi()
        await stream.write(b"x")
        await soon((await soon(accepted.accept_bi())).read())
        proxy.judge = lambda to_server: Fate.DELIVER if to_server else Fate.DROP
        accepted.close(CLOSE_REVOKED, "gone")
        waiting = asyncio.create_task(client.wait_closed())
        await settled(lambda: proxy.lost)
        proxy.judge = lambda to_server: Fate.DELIVER
        await stream.write(b"still here?")
        assert (await soon(waiting)).code == CLOSE_REVOKED


async def test_a_failing_engine_takes_only_its_own_connection(monkeypatch, caplog):
    async with serving() as server:
        client, accepted = await server.pair()
        _, other_accepted = pair = await server.pair()

        def fail(*_):
            raise ZeroDivisionError("as a bug in the engine would")

        monkeypatch.setattr(engine_of(accepted), "receive_datagram", fail)
        with caplog.at_level(logging.ERROR):
            await (await client.open_bi()).write(b"poison")
            await soon(accepted.wait_closed())
        assert (await soon(client.wait_closed())).reason == "internal error"
        assert "ZeroDivisionError" in caplog.text
        assert [link.source for link in server.links] == [other_accepted._source]
        stream = await pair[0].open_bi()
        await stream.write(b"well")
        assert await soon((await soon(other_accepted.accept_bi())).read()) == b"well"


async def test_a_handshake_that_breaks_off_is_dropped_after_its_time_out():
    async with serving(handshake_timeout=0.2) as server, lossy((server.host, server.port)) as proxy:
        proxy.judge = lambda to_server: Fate.DELIVER if to_server else Fate.DROP
        with pytest.raises(ConnectError):
            await server.dial(host=proxy.address[0], port=proxy.address[1], timeout=0.1)
        await settled(lambda: not server.links)
        assert server.waiting == 0


async def test_what_was_written_just_before_a_close_still_goes_out():
    async with serving() as server:
        client, accepted = await server.pair()
        stream = await client.open_bi()
        await stream.write(b"ask")
        far = await soon(accepted.accept_bi())
        await far.write(b"no: ")
        await far.write(b"not allowed")
        far.finish()
        accepted.close(0, "denied")
        assert await soon(read_all(stream)) == b"no: not allowed"
        assert (await soon(client.wait_closed())).reason == "denied"


async def test_a_failed_handshake_is_logged_with_its_address_and_code(caplog):
    async with serving() as server:
        with caplog.at_level(logging.WARNING, logger="node.quic"), pytest.raises(HandshakeError):
            await server.dial(alpn=b"alknet/unknown")
    (record,) = [record for record in caplog.records if record.name == "node.quic.server.listener"]
    assert (record.host, record.code) == ("127.0.0.1", 0x178)
