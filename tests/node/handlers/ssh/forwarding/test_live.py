"""Rights and rules that change while something is forwarded: what they carried ends, and only that."""

import asyncio
import socket
import threading
from typing import Any

import asyncssh
import pytest

from node.core.journal import EventKind
from node.core.locks import Lock, LockIndex, LockKind
from node.handlers.ssh.forwarding import dial as dialling
from node.handlers.ssh.forwarding import resolve
from node.handlers.ssh.forwarding.forwards import Forwards
from node.handlers.ssh.forwarding.listening import Listening
from node.handlers.ssh.forwarding.resolve import SocketAddress
from tests.node.handlers.ssh.forwarding.test_listening import dial, is_shut
from tests.support.forwards import LOOPBACK, ForwardNode, ask, doubling, forward_node
from tests.support.quic import settled, soon


async def rule(one: ForwardNode) -> None:
    one.rule("!127.0.0.1", "*")


async def scope(one: ForwardNode) -> None:
    await one.node.know("ssh:forward:localhost:*", "ssh:listen:localhost:*")


@pytest.mark.parametrize("lose", [rule, scope])
async def test_what_is_lost_ends_what_it_carried(lose: Any) -> None:
    async with forward_node(*LOOPBACK) as one, doubling() as server, one.node.client() as ann:
        lost = await soon(ann.open_connection("127.0.0.1", server.port))
        listening = await soon(ann.forward_remote_port("127.0.0.1", 0, "127.0.0.1", server.port))
        port = listening.get_port()
        came = await dial(port)
        lost[1].write(b"x")
        came[1].write(b"x")
        await settled(lambda: server.open == 2)
        await lose(one)
        assert await soon(lost[0].read()) == b""
        with pytest.raises(ConnectionResetError):
            await soon(came[0].read())
        assert await is_shut(port)
        await settled(lambda: server.seen.count(b"broken") >= 1 and one.count("channels") == 0)
        assert (one.count("listeners"), one.count("revoked"), one.node.handler.snapshot()["revoked"]) == (0, 3, 3)
        (told,) = [event for event in one.node.journal.of(EventKind.ENFORCED) if "forwards" in event.detail]
        assert (told.peer_id, told.detail["sessions"], told.detail["forwards"]) == ("ann", 0, 3)
        assert told.connection is not None
        assert str(server.port) not in repr(told).replace(str(told.address), "").replace(str(told.at), "")
        listening.close()  # what is gone can be taken back, as far as the client knows
        await soon(listening.wait_closed())
        assert (await soon(ann.run("id"))).exit_status == (126 if lose is scope else 0)


async def test_what_is_still_allowed_goes_on() -> None:
    async with forward_node(*LOOPBACK) as one, doubling() as server, one.node.client() as ann:
        kept = await soon(ann.open_connection("localhost", server.port))
        listening = await soon(ann.forward_remote_port("localhost", 0, "127.0.0.1", server.port))
        await one.node.know("ssh:forward:localhost:*", "ssh:listen:localhost:*")
        one.rule(*LOOPBACK, "db")
        assert await soon(ask(*await dial(listening.get_port()))) == b"pingping"
        assert await soon(ask(*kept)) == b"pingping"
        assert one.count("revoked") == 0


async def lock_peer(one: ForwardNode) -> None:
    one.node.store.publish_locks(LockIndex({"1": Lock("1", LockKind.PEER, "ann", "")}))


async def remove_peer(one: ForwardNode) -> None:
    await one.node.store.remove_peer("ann")


async def reset(one: ForwardNode) -> None:
    for client in one.node.clients:
        client.close()


@pytest.mark.parametrize("lose", [lock_peer, remove_peer, reset])
async def test_the_end_of_the_connection_is_the_end_of_all(lose: Any) -> None:
    async with forward_node(*LOOPBACK) as one, doubling() as server, one.node.client() as ann:
        _, writer = await soon(ann.open_connection("127.0.0.1", server.port))
        port = (await soon(ann.forward_remote_port("127.0.0.1", 0, "127.0.0.1", server.port))).get_port()
        writer.write(b"x")
        await settled(lambda: server.open == 1)
        await lose(one)
        await settled(lambda: server.seen == [b"broken"])
        await settled(lambda: one.count("channels") == one.count("listeners") == 0)
        assert await is_shut(port)


@pytest.mark.parametrize("lose", [rule, reset])
async def test_what_is_still_being_connected_ends_as_well(lose: Any, monkeypatch: Any) -> None:
    dialled: list[str] = []

    async def silent(address: SocketAddress) -> Any:
        dialled.append(address.text)
        try:
            await asyncio.Event().wait()
        finally:
            dialled.append("given up")

    monkeypatch.setattr(dialling, "_connect", silent)
    async with forward_node(*LOOPBACK, connect_timeout=200.0) as one, one.node.client() as ann:
        opening = asyncio.create_task(ann.open_connection("127.0.0.1", 80))
        await settled(lambda: dialled)
        await lose(one)
        with pytest.raises(asyncssh.ChannelOpenError):
            await soon(opening)
        await settled(lambda: one.count("channels") == 0)
        assert dialled == ["127.0.0.1", "given up"]


async def test_a_right_that_is_lost_while_a_name_is_looked_up_is_not_had(monkeypatch: Any) -> None:
    asked, answered = threading.Event(), threading.Event()

    def slow(_host: str, port: int) -> list[Any]:
        asked.set()
        assert answered.wait(60)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(resolve, "_look_up", slow)
    async with forward_node("*", resolve_timeout=60.0) as one, doubling() as server, one.node.client() as ann:
        opening = asyncio.create_task(ann.open_connection("db.lan", server.port))
        await settled(asked.is_set)
        one.rule("!127.0.0.0/8", "*")
        answered.set()
        with pytest.raises(asyncssh.ChannelOpenError, match="not allowed"):
            await soon(opening)
        assert (server.come, one.count("denied"), one.count("revoked")) == (0, 1, 0)


async def test_who_came_before_the_right_was_lost_and_is_handed_over_after_it_is_not_let_in(monkeypatch: Any) -> None:
    handed_over = Forwards.accepted

    def late(self: Forwards, *come: Any) -> None:
        one.rule("!127.0.0.1")
        handed_over(self, *come)

    async with forward_node(*LOOPBACK) as one, doubling() as server, one.node.client() as ann:
        monkeypatch.setattr(Forwards, "accepted", late)
        port = (await soon(ann.forward_remote_port("127.0.0.1", 0, "127.0.0.1", server.port))).get_port()
        reader, _ = await dial(port)
        with pytest.raises(ConnectionResetError):
            await soon(reader.read())
        assert (one.count("channels"), one.count("opened"), server.come) == (0, 0, 0)


async def test_a_right_that_is_lost_while_it_begins_to_listen_leaves_no_listener(monkeypatch: Any) -> None:
    begin = Listening.start

    async def slow(self: Listening, *given: Any) -> None:
        await begin(self, *given)
        one.rule("!127.0.0.1")

    monkeypatch.setattr(Listening, "start", slow)
    async with forward_node(*LOOPBACK) as one, one.node.client() as ann:
        with pytest.raises(asyncssh.ChannelListenError):
            await soon(ann.forward_remote_port("127.0.0.1", 0, "127.0.0.1", 1))
        assert (one.count("listeners"), one.forwarding.places._used) == (0, {})
