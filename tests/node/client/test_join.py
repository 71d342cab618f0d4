"""Joining over real QUIC: a node that is what it should be, one that breaks off, and ones that lie."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from node.client import join
from node.client.join import Joined, Joiner, NoAnswer
from node.core.address import format_host_port
from node.core.connection import BiStream, Connection
from node.core.enrolment.claim import ALPN
from node.core.enrolment.code import InviteCode
from node.core.enrolment.derived import authentication_string, opens
from node.core.errors import HandshakeError, PinMismatch, StreamError
from node.handlers.register.messages import Ask, Reveal, Told, Word, commitment_of, nonce_of, receive, secret_of, send
from node.quic.limits import QuicLimits
from node.quic.server.listener import QuicListener
from node.quic.tls.keys import NodeKey
from tests.support.quic import Server, serving, soon

SECRET, NONCE = bytes(range(16)), bytes(range(1, 33))
Script = Callable[[BiStream], Awaitable[None]]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(join, "RETRY_FIRST", 0.01)
    monkeypatch.setattr(join, "RETRY_MAX", 0.02)


class Machine:
    """One that joins, and what it is shown."""

    def __init__(self, code: InviteCode) -> None:
        self.key, self.sas, self.told, self.problems = NodeKey.generate(), list[str](), list[Told](), list[str]()
        self._joiner = Joiner(code, self.key, "pi", self.sas.append, self.told.append, self.problems.append)

    async def join(self, seconds: float = 20.0) -> Joined:
        return await soon(self._joiner.join(seconds))


@contextlib.asynccontextmanager
async def node(*scripts: Script, alpn: bytes = ALPN) -> AsyncIterator[InviteCode]:
    """A node that does with each connection what the next script says; the last one for all that follow."""
    key = NodeKey.generate()
    listener = await QuicListener.bind("127.0.0.1", 0, key=key, alpns=[alpn], limits=QuicLimits())
    server = Server(listener, key)
    left = list(scripts)

    async def serve() -> None:
        while True:
            connection = (await server._queue.get()).connection
            await once(connection, left.pop(0) if len(left) > 1 else left[0])

    task = asyncio.create_task(serve())
    try:
        yield InviteCode(format_host_port(listener.address), key.fingerprint, SECRET)
    finally:
        task.cancel()
        await listener.close()


async def once(connection: Connection, script: Script) -> None:
    with contextlib.suppress(StreamError, EOFError):
        stream = await connection.accept_bi()
        await script(stream)
        await asyncio.wait_for(connection.wait_closed(), 0.5)
    connection.close()


async def agree(stream: BiStream) -> tuple[Ask, bytes]:
    ask = await receive(stream, Ask)
    await send(stream, Told(Word.CHALLENGE, nonce=NONCE.hex()))
    return ask, nonce_of(await receive(stream, Reveal))


async def admit(stream: BiStream) -> None:
    await agree(stream)
    for told in (Told(Word.RECEIVED), Told(Word.QUEUED), Told(Word.ADMITTED, peer_id="pi")):
        await send(stream, told)


async def break_off(stream: BiStream) -> None:
    await agree(stream)
    await send(stream, Told(Word.RECEIVED))
    stream.finish()


async def test_it_commits_before_it_sees_and_shows_what_the_node_works_out() -> None:
    seen: list[Any] = []

    async def watch(stream: BiStream) -> None:
        seen.extend(await agree(stream))
        await send(stream, Told(Word.ADMITTED, peer_id="pi"))

    async with node(watch) as code:
        machine = Machine(code)
        joined = await machine.join()
    ask, theirs = seen
    assert (secret_of(ask), ask.name, joined.told.peer_id) == (SECRET, "pi", "pi")
    assert opens(commitment_of(ask), theirs, machine.key.fingerprint)
    shown = authentication_string(
        node=code.fingerprint,
        joiner=machine.key.fingerprint,
        secret=SECRET,
        joiner_nonce=theirs,
        node_nonce=NONCE,
    )
    assert machine.sas == [shown]
    assert joined.sas == shown


async def test_a_connection_that_is_lost_is_made_anew_and_other_digits_are_shown() -> None:
    async with node(break_off, break_off, admit) as code:
        machine = Machine(code)
        assert (await machine.join()).told.word is Word.ADMITTED
    assert len(set(machine.sas)) == 3
    assert [told.word for told in machine.told].count(Word.RECEIVED) == 3
    assert len(machine.problems) == 1, "told once"


async def test_a_node_that_has_no_time_is_asked_again() -> None:
    async def busy(stream: BiStream) -> None:
        await receive(stream, Ask)
        await send(stream, Told(Word.BUSY, message="later"))

    async with node(busy, admit) as code:
        assert (await Machine(code).join()).told.word is Word.ADMITTED
    async with node(busy) as code:
        assert (await Machine(code).join(0.3)).told == Told(Word.BUSY, message="later")


async def test_what_is_not_decided_in_time_is_kept() -> None:
    async def queue(stream: BiStream) -> None:
        await agree(stream)
        await send(stream, Told(Word.QUEUED))

    async with node(queue) as code:
        assert (await Machine(code).join(0.3)).told.word is Word.KEPT


async def test_a_node_with_another_key_is_told_nothing() -> None:
    async with node(admit) as code:
        other = InviteCode(code.address, NodeKey.generate().fingerprint, SECRET)
        with pytest.raises(PinMismatch):
            await Machine(other).join()


async def test_a_node_that_takes_no_codes_is_not_asked_again() -> None:
    async with serving() as server:
        code = InviteCode(format_host_port((server.host, server.port)), server.key.fingerprint, SECRET)
        with pytest.raises(HandshakeError, match="takes no codes"):
            await Machine(code).join()


@pytest.mark.parametrize("raw", [b"\x00\x00", b"\xff\xff", b"\x00\x02{}", b'\x00\x0c{"word":"x"}', b"\x00"])
async def test_junk_is_no_answer(raw: bytes) -> None:
    async def junk(stream: BiStream) -> None:
        await receive(stream, Ask)
        await stream.write(raw)
        stream.finish()

    async with node(junk) as code:
        with pytest.raises(NoAnswer):
            await Machine(code).join(0.3)


async def test_nobody_there_is_no_answer() -> None:
    async with node(admit) as code:
        pass
    with pytest.raises(NoAnswer, match="cannot reach"):
        await Machine(code).join(0.3)
