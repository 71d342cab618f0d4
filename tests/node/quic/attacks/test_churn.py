"""Much that is honest, one by one: nothing is left of what is over."""

import asyncio

from node.quic.engine.guard import FRAMES_PER_SECOND
from tests.support.quic import echo, engine_of, serving, settled, soon

AT_ONCE = 50


async def round_of_streams(client):
    streams = await asyncio.gather(*(client.open_bi() for _ in range(AT_ONCE)))
    for stream in streams:
        await stream.write(b"?")
        stream.finish()
    for stream in streams:
        assert await soon(stream.read()) == b"?"
        assert await soon(stream.read()) == b""


async def test_thousands_of_tiny_streams_leave_nothing_and_are_no_flood():
    async with serving() as server:
        client, accepted = await server.pair()
        echoing = asyncio.create_task(echo(accepted))
        for _ in range(60):
            await round_of_streams(client)
        for connection in (client, accepted):
            source, engine = connection._source, engine_of(connection)
            await settled(lambda source=source, engine=engine: not source._streams and not engine._streams)
            assert not source._leaving
            assert not source._waiting_writers
            assert not source._accepted
            assert not engine._streams_queue
            assert engine.ending is None
            assert engine._allowance._left is None or engine._allowance._left > FRAMES_PER_SECOND // 2
        client.close()
        await soon(echoing)


async def test_connections_that_come_and_go_leave_no_task_no_timer_and_no_entry():
    async with serving(idle_timeout=0.5) as server:
        listener, loop = server.listener, asyncio.get_running_loop()
        tasks = len(asyncio.all_tasks())
        for number in range(30):
            client, accepted = await server.pair()
            await (await client.open_bi()).write(b"?")
            match number % 3:
                case 0:
                    client.close()
                case 1:
                    accepted.close()
                case 2:
                    client._source._host.drop()
        await settled(lambda: not listener._hosts)
        await settled(lambda: not [handle for handle in loop._scheduled if not handle.cancelled() and is_ours(handle)])
        assert not listener._routes
        assert not listener._admission.by_origin
        assert (listener._admission.total, listener._admission.half_open) == (0, 0)
        assert len(asyncio.all_tasks()) == tasks


def is_ours(handle):
    return "node.quic" in getattr(handle._callback, "__module__", "")
