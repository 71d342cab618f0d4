"""Keys are replaced long before they have protected too much (RFC 9001 §6)."""

import asyncio
import itertools

from aioquic.tls import Epoch

from node.quic import engine as engine_module
from tests.support.lossy import Fate, lossy
from tests.support.quic import echo, engine_of, read_all, serving, soon


class Secrets:
    """The sending secrets that a connection has used so far, looked at before every transmission."""

    def __init__(self, monkeypatch):
        self.seen = {}
        original = engine_module.Engine.datagrams_to_send

        def watching(engine, now):
            datagrams = original(engine, now)
            if Epoch.ONE_RTT in engine._cryptos and engine._cryptos[Epoch.ONE_RTT].send.secret is not None:
                self.seen.setdefault(engine, {})[engine._cryptos[Epoch.ONE_RTT].send.secret] = None
            return datagrams

        monkeypatch.setattr(engine_module.Engine, "datagrams_to_send", watching)

    def of(self, connection):
        return list(self.seen[engine_of(connection)])


async def exchange(client, size):
    stream = await client.open_bi()
    payload = bytes(range(256)) * (size // 256)

    async def send():
        for start in range(0, size, 8192):
            await stream.write(payload[start : start + 8192])
        stream.finish()

    received, _ = await asyncio.gather(read_all(stream), send())
    assert received == payload


async def test_data_flows_on_over_many_key_updates_of_both_sides(monkeypatch):
    monkeypatch.setattr(engine_module, "KEY_UPDATE_PACKETS", 10)
    secrets = Secrets(monkeypatch)
    async with serving() as server:
        client, accepted = await server.pair()
        echoing = asyncio.create_task(echo(accepted))
        await soon(exchange(client, 2048 * 1024))
        near, far = secrets.of(client), secrets.of(accepted)
        client.close()
        await soon(echoing)
    assert len(near) > 4
    assert len(far) > 4
    assert not set(near) & set(far)


async def test_key_updates_survive_loss_and_reordering(monkeypatch):
    monkeypatch.setattr(engine_module, "KEY_UPDATE_PACKETS", 5)
    secrets = Secrets(monkeypatch)
    async with serving() as server, lossy((server.host, server.port)) as proxy:
        client, accepted = await server.pair(host=proxy.address[0], port=proxy.address[1])
        fates = itertools.cycle(
            [*[Fate.DELIVER] * 8, Fate.DROP, *[Fate.DELIVER] * 5, Fate.HOLD, Fate.REPEAT, Fate.HOLD]
        )
        proxy.judge = lambda _: next(fates)
        echoing = asyncio.create_task(echo(accepted))
        await soon(exchange(client, 512 * 1024))
        proxy.judge = lambda _: Fate.DELIVER
        client.close()
        await soon(echoing)
        assert proxy.lost > 0
    assert len(secrets.of(client)) > 1


async def test_keys_are_kept_for_as_long_as_they_are_good(monkeypatch):
    secrets = Secrets(monkeypatch)
    async with serving() as server:
        client, accepted = await server.pair()
        echoing = asyncio.create_task(echo(accepted))
        await soon(exchange(client, 128 * 1024))
        assert len(secrets.of(client)) == len(secrets.of(accepted)) == 1
        client.close()
        await soon(echoing)
