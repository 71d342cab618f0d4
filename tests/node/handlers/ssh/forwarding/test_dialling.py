"""Looking up and dialling: once, every address judged, and what was judged is what is dialled, one after the other."""

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import asyncssh
import pytest

from node.core.forwarding.target import Target
from node.handlers.ssh.forwarding import dial as dialling
from node.handlers.ssh.forwarding import resolve
from node.handlers.ssh.forwarding.dial import dial, in_turn
from node.handlers.ssh.forwarding.resolve import AT_ONCE, MAX_ADDRESSES, Resolver, SocketAddress
from tests.support.forwards import ask, doubling, forward_node
from tests.support.quic import settled, soon

LookUp = Callable[[str, int], list[Any]]


def v4(address: str, port: int) -> SocketAddress:
    return SocketAddress(socket.AF_INET, (address, port), address)


def found(*addresses: str) -> LookUp:
    """A name server that knows these alone."""
    families = {False: socket.AF_INET, True: socket.AF_INET6}

    def look_up(_host: str, port: int) -> list[Any]:
        return [(families[":" in one], socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses]

    return look_up


async def test_a_name_is_looked_up_once_and_one_refused_address_refuses_it(monkeypatch: Any) -> None:
    asked: list[str] = []
    answers = iter([["127.0.0.1"], ["127.0.0.1", "10.9.9.9"], ["::ffff:127.0.0.1"]])

    def look_up(host: str, port: int) -> list[Any]:
        asked.append(host)
        return found(*next(answers))(host, port)

    monkeypatch.setattr(resolve, "_look_up", look_up)
    async with forward_node("127.0.0.1") as one, doubling() as server, one.node.client() as ann:
        assert await soon(ask(*await soon(ann.open_connection("db.example", server.port)))) == b"pingping"
        with pytest.raises(asyncssh.ChannelOpenError, match="not allowed"):
            await soon(ann.open_connection("db.example", server.port))
        assert await soon(ask(*await soon(ann.open_connection("db.example", server.port)))) == b"pingping"
        with pytest.raises(asyncssh.ChannelOpenError, match="not allowed"):
            await soon(ann.open_connection("alknet-control", server.port))
        assert asked == ["db.example"] * 3


async def test_addresses_are_tried_until_one_answers_and_the_rest_is_closed() -> None:
    with socket.socket() as shut:
        shut.bind(("127.0.0.1", 0))
        refusing = v4(*shut.getsockname())
        async with doubling() as server:
            reader, writer = await soon(dial([refusing, v4("127.0.0.1", server.port)], 20))
            assert await soon(ask(reader, writer)) == b"pingping"
        with pytest.raises(ConnectionRefusedError):
            await soon(dial([refusing, refusing], 20))
        with pytest.raises(OSError, match="no address"):
            await soon(dial([], 20))


async def test_a_silent_address_does_not_hold_the_next_one_up_and_loses_the_race(monkeypatch: Any) -> None:
    """What answers after all, when another has won, is closed."""
    late = asyncio.Event()
    connect, over = dialling._connect, []

    async def connecting(address: SocketAddress) -> Any:
        if address.text == "192.0.2.1":
            try:
                await late.wait()
            finally:
                over.append(address.text)
        return await connect(address)

    monkeypatch.setattr(dialling, "_connect", connecting)
    async with doubling() as server:
        reader, writer = await soon(dial([v4("192.0.2.1", 9), v4("127.0.0.1", server.port)], 20))
        assert await soon(ask(reader, writer)) == b"pingping"
        await settled(lambda: over == ["192.0.2.1"])
        with pytest.raises(TimeoutError):
            await soon(dial([v4("192.0.2.1", 9)], 0.05))


def test_families_take_turns() -> None:
    six = [SocketAddress(socket.AF_INET6, (f"::{n}", 1), f"::{n}") for n in range(3)]
    four = [v4(f"10.0.0.{n}", 1) for n in range(9)]
    assert [one.text for one in in_turn([*six, *four])][:5] == ["::0", "10.0.0.0", "::1", "10.0.0.1", "::2"]
    assert len(in_turn(four)) == 8


async def test_lookups_have_an_end_and_a_peer_has_so_many_threads_and_no_more(monkeypatch: Any) -> None:
    release = asyncio.Event()
    loop, running = asyncio.get_running_loop(), []

    def stuck(host: str, _port: int) -> list[Any]:
        running.append(host)
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result(20)
        return found("127.0.0.1")(host, 1)

    monkeypatch.setattr(resolve, "_look_up", stuck)
    resolver = Resolver()
    asking = [resolver.addresses(Target(f"h{n}", 1), "ann", 0.2) for n in range(AT_ONCE + 3)]
    assert {type(one) for one in await soon(asyncio.gather(*asking, return_exceptions=True))} == {TimeoutError}
    await settled(lambda: len(running) == AT_ONCE)
    other = asyncio.create_task(resolver.addresses(Target("other", 1), "bob", 20))
    await settled(lambda: "other" in running)
    release.set()
    assert [one.text for one in await soon(other)] == ["127.0.0.1"]
    assert len(running) == AT_ONCE + 1
    assert (await soon(resolver.addresses(Target("again", 7), "ann", 20)))[0].address == ("127.0.0.1", 7)
    with monkeypatch.context() as none_left:
        none_left.setattr(threading.Thread, "start", Mock(side_effect=RuntimeError("can't start new thread")))
        for _ in range(AT_ONCE):
            with pytest.raises(OSError, match="no thread"):
                await soon(resolver.addresses(Target("x", 1), "ann", 20))
    assert await soon(resolver.addresses(Target("again", 7), "ann", 20))
    monkeypatch.setattr(resolve, "_look_up", found(*(f"10.0.0.{n}" for n in range(MAX_ADDRESSES + 1))))
    with pytest.raises(OSError, match="too many"):
        await soon(resolver.addresses(Target("many", 1), "ann", 20))
