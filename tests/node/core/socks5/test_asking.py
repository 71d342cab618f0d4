"""Asking a SOCKS5 proxy, with a server's own handshake at the other end."""

import asyncio
import socket

import pytest

from node.client.socks5.handshake import Handshake, reply
from node.core.socks5.asking import Bound, RequestRefused, SocksRefused, ask
from node.core.socks5.wire import Command, Login, Reply
from tests.support.quic import soon

ANN, BOB = Login(b"ann", b"se:cret"), Login(b"bob", b"x" * 255)


async def asked(host: str, login: Login | None, handshake: Handshake, answer: bytes) -> Bound:
    """What the proxy answered that hears `host`, byte by byte."""
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    far, back = await asyncio.open_connection(sock=theirs)
    asking = asyncio.create_task(ask(reader, writer, Command.CONNECT, host, 443, login))
    while not handshake.over:
        back.write(handshake.receive(await far.read(1)))
    back.write(answer)
    back.write_eof()
    try:
        return await soon(asking)
    finally:
        for end in (writer, back):
            end.close()
            await end.wait_closed()


@pytest.mark.parametrize("login", [None, ANN, BOB])
@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "box.example", "a" * 255])
async def test_what_is_asked_for_is_what_the_proxy_hears(host: str, login: Login | None) -> None:
    handshake = Handshake(login)
    assert await asked(host, login, handshake, reply(Reply.SUCCEEDED)) == ("0.0.0.0", 0)
    assert (handshake.target, handshake.rest) == ((host, 443), b"")


async def test_whatever_it_says_to_be_bound_to_is_read_whole() -> None:
    assert await asked("box", None, Handshake(), bytes.fromhex("05000003 03626f78 0050")) == ("box", 80)
    assert await asked("box", None, Handshake(), bytes.fromhex("05000003 00 0050")) == (None, 80)


async def test_a_refusal_says_why() -> None:
    with pytest.raises(RequestRefused) as refused:
        await asked("box", None, Handshake(), reply(Reply.HOST_UNREACHABLE))
    assert refused.value.code == Reply.HOST_UNREACHABLE
    with pytest.raises(SocksRefused, match="does not take this login"):
        await asked("box", ANN, Handshake(Login(b"ann", b"other")), b"")
    with pytest.raises(SocksRefused, match="wants a login"):
        await asked("box", None, Handshake(ANN), b"")
    with pytest.raises(EOFError):
        await asked("box", None, Handshake(), reply(Reply.SUCCEEDED)[:-1])


@pytest.mark.parametrize("host", ["", "a" * 256, "böx"])
async def test_nothing_is_sent_where_the_host_cannot_be(host: str) -> None:
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    with theirs, pytest.raises(ValueError):  # noqa: PT011 - a name that is too long, or no ASCII
        await ask(reader, writer, Command.CONNECT, host, 443, None)
    writer.close()
