"""Keys are replaced long before they have protected too much (RFC 9001 §6)."""

import asyncio
import itertools

import pytest
from aioquic._crypto import CryptoError
from aioquic.quic.crypto import CipherSuite, CryptoPair
from aioquic.tls import Epoch

from node.quic.engine import engine as engine_module
from node.quic.engine.phases import PhasedKeys
from tests.support.lossy import Fate, lossy
from tests.support.quic import echo, engine_of, read_all, serving, soon
from tests.support.simulated import Simulation


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


def test_an_update_that_the_peer_never_heard_of_does_not_cut_it_off():
    """All that was sent under the new keys is one acknowledgement, which is lost and which nobody sends again."""
    run = Simulation()
    run.client.engine.request_key_update()
    run.up.drop = lambda _: True
    run.send(run.server, 10)
    run.run_for(0.1)
    assert run.client.engine._cryptos[Epoch.ONE_RTT].recv.key_phase == 1
    assert run.server.engine._cryptos[Epoch.ONE_RTT].recv.key_phase == 0
    run.up.drop = lambda _: False
    second = run.send(run.server, 100_000)
    run.run_until(lambda: second in run.client.ended, 2.0)
    run.run_until(lambda: run.server.engine.unacked(second) == 0, 2.0)
    assert run.server.engine._cryptos[Epoch.ONE_RTT].recv.key_phase == 1


def test_old_keys_are_forgotten_once_the_peer_has_used_the_new_ones_for_a_while():
    run = Simulation()
    keys = run.client.engine._cryptos[Epoch.ONE_RTT]
    run.client.engine.request_key_update()
    run.transfer(run.client, 1000)
    assert keys.keeps_old
    for _ in range(2):
        run.run_for(1.0)
        run.transfer(run.client, 1000)
    assert not keys.keeps_old


HEADER = bytes([0x40]) + bytes(8)


def sealed(pair, number):
    header = bytes([HEADER[0] | pair.key_phase << 2 | 3]) + HEADER[1:] + number.to_bytes(4, "big")
    return pair.encrypt_packet(header, b"what was said", number)


def two_ends():
    """A stock sender, and keys of ours that open what it seals."""
    sender, ours = CryptoPair(), PhasedKeys()
    for context in (sender.send, sender.recv, ours.send, ours.recv):
        context.setup(cipher_suite=CipherSuite.AES_128_GCM_SHA256, secret=bytes(32), version=1)
    return sender, ours


def opened(ours, packet):
    return ours.decrypt_packet(packet, len(HEADER), 0)[2]


def test_what_was_sent_before_an_update_is_read_after_it():
    sender, ours = two_ends()
    late = [sealed(sender, number) for number in range(3)]
    sender.update_key()
    assert opened(ours, sealed(sender, 5)) == 5
    assert ours.key_phase == sender.key_phase == 1
    assert [opened(ours, packet) for packet in late] == [0, 1, 2]
    assert ours.key_phase == 1


def test_old_keys_open_nothing_that_came_after_the_new_ones():
    sender, ours = two_ends()
    forged = sealed(sender, 9)
    sender.update_key()
    opened(ours, sealed(sender, 5))
    with pytest.raises(CryptoError, match="under old keys"):
        opened(ours, forged)


def test_noise_moves_no_key():
    sender, ours = two_ends()
    sender.update_key()
    opened(ours, sealed(sender, 5))
    packet = sealed(sender, 6)
    for place in (0, 10, len(packet) - 1):
        with pytest.raises(CryptoError):
            opened(ours, packet[:place] + bytes([packet[place] ^ 4]) + packet[place + 1 :])
    assert ours.key_phase == 1
    assert opened(ours, packet) == 6
