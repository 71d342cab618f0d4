"""Ports and sockets of the node that lead to the client (-R): bound where that is allowed, and gone with it."""

import asyncio
import contextlib
import os
import socket
import stat
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from node.core.forwarding.policy import Direction
from node.core.forwarding.target import Target
from node.core.live import Live
from node.handlers.ssh.forwarding.gate import Wish
from node.handlers.ssh.forwarding.left import Left
from node.handlers.ssh.forwarding.limits import ForwardingSettings
from node.handlers.ssh.forwarding.listening import Listening, bind
from node.handlers.ssh.forwarding.places import Places
from tests.support.forwards import LOOPBACK, ForwardNode, ask, doubling, forward_node
from tests.support.quic import settled, soon


async def dial(port: int) -> Any:
    return await soon(asyncio.open_connection("127.0.0.1", port))


async def is_shut(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


def by_name(one: ForwardNode, way: str) -> Any:
    return one.node.client() if way == "quic" else one.node.client_over_tcp()


@pytest.mark.parametrize("way", ["quic", "tcp"])
async def test_a_port_and_a_socket_lead_to_the_client_until_it_goes(way: str, tmp_path: Path) -> None:
    sock = str(tmp_path / "r.sock")
    async with forward_node(*LOOPBACK, sock) as one, doubling() as mine:
        async with by_name(one, way) as ann:
            listening = await soon(ann.forward_remote_port("localhost", 0, "127.0.0.1", mine.port))
            port = listening.get_port()
            await soon(ann.forward_remote_path_to_port(sock, "127.0.0.1", mine.port))
            assert await soon(ask(*await dial(port), b"x" * 100_000)) == b"x" * 200_000
            assert await soon(ask(*await soon(asyncio.open_unix_connection(sock)))) == b"pingping"
            assert stat.S_IMODE(os.stat(sock).st_mode) == 0o600  # noqa: PTH116
            assert (one.count("listeners"), one.count("opened")) == (2, 2)
            listening.close()
            await soon(listening.wait_closed())
            assert await is_shut(port)
            other = (await soon(ann.forward_remote_port("127.0.0.1", 0, "127.0.0.1", mine.port))).get_port()
            held = await dial(other)
            held[1].write(b"x")
            await settled(lambda: mine.open == 1)
        await settled(lambda: one.count("channels") == one.count("listeners") == 0)
        assert await is_shut(other)
        assert not Path(sock).exists()
        with pytest.raises(ConnectionResetError):
            await soon(held[0].read())


async def test_a_client_that_takes_tiny_packets_gets_no_connection() -> None:
    async with forward_node(*LOOPBACK) as one, doubling() as mine, one.node.client() as ann:
        make = ann.create_tcp_channel
        ann.create_tcp_channel = lambda *given, **more: make(*given, **{**more, "max_pktsize": 16})
        port = (await soon(ann.forward_remote_port("127.0.0.1", 0, "127.0.0.1", mine.port))).get_port()
        reader, writer = await dial(port)
        with contextlib.suppress(ConnectionResetError):
            assert await soon(reader.read()) == b""
        writer.close()
        await settled(lambda: one.count("channels") == 0)


async def refused(listening: Any) -> None:
    with pytest.raises(asyncssh.ChannelListenError):
        await soon(listening)


async def test_it_is_listened_only_where_scope_and_rules_allow(tmp_path: Path) -> None:
    scopes = ("ssh:listen:127.0.0.1:*", "ssh:listen:[::1]:*", "ssh:listen::*", "ssh:listen-unix:*", "ssh:listen:db:*")
    (tmp_path / "shut").mkdir()
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "link").symlink_to(tmp_path / "shut")
    (tmp_path / "open" / "there").touch()
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        taken = bound.getsockname()[1]
        bound.listen()
        patterns = ("!127.0.0.1:1..1000", "127.0.0.1", "db", f"{tmp_path}/open/*", f"{tmp_path}/open/link/*")
        async with forward_node(*patterns, scopes=scopes) as one, one.node.client() as ann:
            for host, port in (("localhost", 4000), ("::1", 4000), ("", 4000), ("0.0.0.0", 4000), ("127.0.0.1", 999)):
                await refused(ann.forward_remote_port(host, port, "127.0.0.1", 1))
            assert (one.count("denied"), one.count("failed")) == (5, 0)
            await refused(ann.forward_remote_port("db", 0, "127.0.0.1", 1))
            await refused(ann.forward_remote_port("127.0.0.1", taken, "127.0.0.1", 1))
            await refused(ann.forward_remote_path_to_port(f"{tmp_path}/open/there", "127.0.0.1", 1))
            assert (one.count("denied"), one.count("failed")) == (5, 3)
            await refused(ann.forward_remote_path_to_port(f"{tmp_path}/open/link/a.sock", "127.0.0.1", 1))
            assert (tmp_path / "open" / "there").is_file()
            assert not list((tmp_path / "shut").iterdir())
            assert (one.count("listeners"), one.forwarding.places._used) == (0, {})


async def test_listeners_are_bounded_and_a_client_that_refuses_ends_who_came() -> None:
    async with forward_node(*LOOPBACK, listeners=1) as one, one.node.client() as ann:

        def refuse(_host: str, _port: int) -> Any:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "no")

        listening = await soon(ann.create_server(refuse, "127.0.0.1", 0))
        await refused(ann.forward_remote_port("127.0.0.1", 0, "127.0.0.1", 1))
        assert one.count("full") == 1
        reader, _ = await dial(listening.get_port())
        with pytest.raises(ConnectionResetError):
            await soon(reader.read())
        await settled(lambda: one.count("channels") == 0)
        listening.close()
        await soon(listening.wait_closed())
        await soon(ann.forward_remote_port("127.0.0.1", 0, "127.0.0.1", 1))


async def test_a_client_that_never_answers_ends_who_came_and_keeps_its_place() -> None:
    async with forward_node(*LOOPBACK, accept_timeout=0.1) as one, one.node.client() as ann:
        wait = asyncio.Event()

        async def late(_host: str, _port: int) -> Any:
            await wait.wait()
            return asyncssh.SSHTCPSession()

        def factory(host: str, port: int) -> Any:
            return late(host, port)

        listening = await soon(ann.create_server(factory, "127.0.0.1", 0))
        reader, _ = await dial(listening.get_port())
        with pytest.raises(ConnectionResetError):
            await soon(reader.read())
        assert (one.count("channels"), one.count("failed")) == (1, 1)
        wait.set()
        await settled(lambda: one.count("channels") == 0)


async def test_what_a_killed_node_left_behind_goes_at_the_next_start_and_nothing_else(tmp_path: Path) -> None:
    notes, names = tmp_path / "notes", [str(tmp_path / f"{n}.sock") for n in range(4)]
    more = {"notes": notes}
    async with forward_node(f"{tmp_path}/*", more=more) as one, doubling() as mine, one.node.client() as ann:
        for name in names:
            await soon(ann.forward_remote_path_to_port(name, "127.0.0.1", mine.port))
        left, listened_on, others, file = names
        assert Left(notes).clear() == 0, "all are listened on"
        assert len(list(notes.iterdir())) == 4
        for listening in one.forwarding_listeners():  # as the kernel does it for a process that is killed
            if listening.asked != listened_on:
                listening._stop()
        for name in (others, file):
            Path(name).unlink()
        Path(file).touch()
        with socket.socket(socket.AF_UNIX) as another:
            another.bind(others)
        assert Left(notes).clear() == 1
        assert [Path(name).exists() for name in names] == [False, True, True, True]
        assert len(list(notes.iterdir())) == 1
        assert await soon(ask(*await soon(asyncio.open_unix_connection(listened_on)))) == b"pingping"
        await soon(ann.forward_remote_path_to_port(left, "127.0.0.1", mine.port))
    assert not list(notes.iterdir())
    assert [Path(name).exists() for name in names] == [False, False, True, True]


async def test_where_one_address_cannot_be_listened_on_none_is() -> None:
    place = Places(Live(ForwardingSettings())).listener("ann")
    first, second = bind(("127.0.0.1",), 0) + bind(("127.0.0.1",), 0)
    port = first.getsockname()[1]
    listening = Listening(Wish(Target("", port), Direction.REMOTE), place, "")
    with contextlib.closing(first), contextlib.closing(second):
        second.close()
        with pytest.raises(OSError, match="Bad file"):
            await listening.start([first, second], lambda *_: pytest.fail("nobody may come"))
        assert first.fileno() == -1
    assert await is_shut(port)
