"""Clients that speak no SSH, or speak it wrongly: they end their own connection, and nothing fails inside the node."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Iterator
from typing import Any

import pytest
from asyncssh.constants import MSG_GLOBAL_REQUEST, MSG_KEXINIT
from asyncssh.packet import Boolean, String

from node.core.connection import Connection
from node.core.errors import StreamError
from node.handlers.ssh import rekeying
from tests.support.quic import settled, soon
from tests.support.ssh import SshNode, ssh_node

HELLO = b"SSH-2.0-x\r\n"


@pytest.fixture(autouse=True)
def nothing_breaks(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.WARNING, logger="node"):
        yield
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


def noises(count: int) -> list[bytes]:
    """Beginnings that go wrong in many places: before the banner, in lengths, in a key exchange, behind it."""
    luck = random.Random(1)
    made = [b"", b"\0" * 300, b"GET / HTTP/1.1\r\n\r\n", b"SSH-1.5-x\r\n", b"S" * 100_000, HELLO + b"\xff" * 64,
            HELLO + b"\0\0\0\x0c\x0a\x14" + bytes(300), HELLO + bytes(40), HELLO + b"\0\0\0\x0c\x0a\x32" + bytes(300),
            b"SSH-2.0-\xff\xfe\r\n", b"SSH-2.0-" + b"x" * 300 + b"\r\n"]  # fmt: skip
    return made + [HELLO + luck.randbytes(luck.randrange(1, 400)) for _ in range(count)]


async def tried(node: SshNode, noise: bytes) -> Connection:
    connection = await node.dial()
    stream = await connection.open_bi()
    with contextlib.suppress(StreamError):
        await stream.write_last(noise or b"\n")
    with contextlib.suppress(StreamError):
        while await soon(stream.read()):
            pass
    await soon(connection.wait_closed())
    return connection


async def test_whatever_comes_in_place_of_ssh_ends_that_connection_alone() -> None:
    async with ssh_node() as node, node.client() as ann:
        process = await soon(ann.create_process("cat"))
        await asyncio.gather(*(tried(node, noise) for noise in noises(12)))
        process.stdin.write("still here")
        process.stdin.write_eof()
        assert (await soon(process.wait())).stdout == "still here"
        await settled(lambda: node.handler.snapshot()["waiting"] == 0)


async def test_a_key_exchange_in_the_middle_of_data_loses_nothing() -> None:
    data = random.Random(2).randbytes(1 << 21)
    async with ssh_node() as node, node.client(rekey_bytes=300_000) as ann:
        done = await soon(ann.run("cat", input=data, encoding=None))
        assert done.stdout == data


def begin_and_never_end(client: Any) -> None:
    """Begin an exchange of keys, and pass over the node's answer."""
    process = client.process_packet
    client.process_packet = lambda kind, *more: True if kind == MSG_KEXINIT else process(kind, *more)
    client._send_kexinit()


async def test_programs_wait_while_a_client_keeps_an_exchange_of_keys_open() -> None:
    async with ssh_node() as node, node.client() as ann:
        await soon(ann.create_process("cat /dev/zero", encoding=None, window=(1 << 32) - 1))
        [served] = node.handler._connections.of(["ann"])
        begin_and_never_end(ann)
        await settled(lambda: not served._ssh._kex_complete)
        await asyncio.sleep(0.1)
        assert len(served._ssh._deferred_packets) < 10
        ann.abort()


async def test_a_client_that_asks_and_asks_in_such_an_exchange_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rekeying, "MAX_KEPT", 100)
    async with ssh_node() as node, node.client() as ann:
        begin_and_never_end(ann)
        ann._kex_complete = True
        for _ in range(200):
            ann.send_packet(MSG_GLOBAL_REQUEST, String(b"keepalive@openssh.com"), Boolean(value=True))
        await soon(ann.wait_closed())
        await settled(lambda: node.handler.snapshot()["connections"] == 0)
