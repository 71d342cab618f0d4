"""Connections through the node (-L, -D, -W): what is allowed is reached, both ends are passed on, nothing else is."""

import asyncio
import logging
import os
import socket
import struct
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from node.core.forwarding.notation import parse_pattern
from node.core.forwarding.policy import Action, ForwardingPolicy, Rule, Transport
from tests.support.forwards import LOOPBACK, ask, doubling, forward_node
from tests.support.quic import settled, soon

PROHIBITED, FAILED, SHORTAGE = 1, 2, 4
"""RFC 4254 §5.1."""


def by_name(node: Any, way: str) -> Any:
    return node.client() if way == "quic" else node.client_over_tcp()


async def refused(opening: Any) -> int:
    with pytest.raises(asyncssh.ChannelOpenError) as told:
        await soon(opening)
    return told.value.code


@pytest.mark.parametrize("way", ["quic", "tcp"])
async def test_bytes_and_ends_go_both_ways_over_quic_and_tcp(way: str, tmp_path: Path) -> None:
    data = os.urandom(300_000)
    sock = str(tmp_path / "a.sock")
    async with (
        forward_node(*LOOPBACK, sock) as one,
        doubling() as server,
        doubling(sock) as other,
        by_name(one.node, way) as ann,
    ):
        assert await soon(ask(*await soon(ann.open_connection("127.0.0.1", server.port)), data)) == data * 2
        assert await soon(ask(*await soon(ann.open_connection("localhost", server.port)))) == b"pingping"
        assert await soon(ask(*await soon(ann.open_unix_connection(sock)), data)) == data * 2
        assert (server.seen, other.seen) == ([data, b"ping"], [data])
        await settled(lambda: one.count("channels") == 0)
        assert (one.count("opened"), one.forwarding.places._used) == (3, {})


async def test_what_is_refused_is_told_apart_from_what_fails_and_never_named(caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    scopes = ("ssh:forward:localhost:*", "ssh:forward:127.0.0.1:*", "ssh:forward:nowhere.invalid:*")
    async with (
        forward_node("!127.0.0.1:1", "127.0.0.1", "nowhere.invalid", scopes=scopes) as one,
        one.node.client() as ann,
    ):
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            port = bound.getsockname()[1]
            assert await refused(ann.open_connection("127.0.0.1", port)) == FAILED
        assert await refused(ann.open_connection("127.0.0.2", port)) == PROHIBITED
        assert await refused(ann.open_connection("127.0.0.1", 1)) == PROHIBITED
        assert await refused(ann.open_unix_connection("/run/secret.sock")) == PROHIBITED
        assert await refused(ann.open_connection("nowhere.invalid", 80)) == FAILED
        for host, port in (("a b", 80), ("*", 80), ("x" * 300, 80), ("ünsinn", 80), ("127.0.0.1", 70_000)):
            assert await refused(ann.open_connection(host, port)) == FAILED, host
        for path in ("relative", "/a/../b", "/a//b", "/" + "x" * 200, "/a:b", "/a\0b"):
            assert await refused(ann.open_unix_connection(path)) == FAILED, path
        told = [event.detail for event in one.node.journal.events if event.kind == "denied"]
        assert [detail["operation"] for detail in told] == ["ssh direct-tcpip"] * 2 + ["ssh direct-streamlocal"]
        assert told[0]["explanation"] == "“ann” has no scope ssh:forward:… that covers it"
        assert told[1]["explanation"] == "the rule !127.0.0.1:1 refuses it"
        everything = f"{[record.__dict__ for record in caplog.records]} {told[0]} {told[2]}"
        assert not [word for word in ("127.0.0.2", "secret.sock", "nowhere") if word in everything]
        lines = [record for record in caplog.records if record.message == "forward refused"]
        assert [(line.peer_id, line.kind) for line in lines][:1] == [("ann", "direct-tcpip")]
        assert lines[0].remote_addr
        assert (one.count("denied"), one.count("failed"), one.count("channels")) == (3, 13, 0)


async def test_a_name_that_leads_into_a_refused_network_is_refused() -> None:
    async with forward_node("!127.0.0.0/8", "!::1", "*") as one, doubling() as server, one.node.client() as ann:
        for host in ("localhost", "LOCALHOST.", "127.0.0.1", "127.1", "::ffff:127.0.0.1", "0.0.0.0", "::"):
            assert await refused(ann.open_connection(host, server.port)) in (PROHIBITED, FAILED), host
        assert await refused(ann.open_connection("alknet-control", 0)) == PROHIBITED
        assert server.come == 0


async def test_a_rule_of_one_transport_lets_nobody_in_by_another() -> None:
    async with forward_node() as one, doubling() as server:
        only = Rule(parse_pattern("127.0.0.1"), Action.ALLOW, transports=(Transport.TCP,))
        one.forwarding.policy.value = ForwardingPolicy(Action.DENY, (only,))
        async with one.node.client() as quic, one.node.client_over_tcp() as tcp:
            assert await refused(quic.open_connection("127.0.0.1", server.port)) == PROHIBITED
            assert await soon(ask(*await soon(tcp.open_connection("127.0.0.1", server.port)))) == b"pingping"


async def test_without_forwarding_everything_is_refused() -> None:
    async with forward_node() as one, doubling() as server, one.node.client() as ann:
        assert await refused(ann.open_connection("127.0.0.1", server.port)) == PROHIBITED
        with pytest.raises(asyncssh.ChannelListenError):
            await soon(ann.forward_remote_port("127.0.0.1", 0, "127.0.0.1", 1))


async def test_a_link_leads_where_the_rules_allow_and_never_into_the_nodes_own_directory(tmp_path: Path) -> None:
    for name in ("open", "shut", "own"):
        (tmp_path / name).mkdir()
    there, shut, own = (str(tmp_path / name / "a.sock") for name in ("open", "shut", "own"))
    for name, path in (("to-there", there), ("to-shut", shut), ("to-own", own)):
        (tmp_path / "open" / name).symlink_to(path)
    allowed = f"{tmp_path}/open/*"
    async with (
        doubling(there),
        doubling(shut) as never,
        doubling(own) as mine,
        forward_node(allowed, more={"private": tmp_path / "own"}) as one,
        one.node.client() as ann,
    ):
        reached = await soon(ann.open_unix_connection(f"{tmp_path}/open/to-there"))
        assert await soon(ask(*reached)) == b"pingping"
        for path in (f"{tmp_path}/open/to-shut", f"{tmp_path}/open/to-own", shut, own):
            assert await refused(ann.open_unix_connection(path)) == PROHIBITED
        one.rule("*")
        assert await refused(ann.open_unix_connection(f"{tmp_path}/open/to-own")) == PROHIBITED
        assert await refused(ann.open_unix_connection(f"{tmp_path}/nothing")) == FAILED
        assert (never.come, mine.come) == (0, 0)


async def test_what_a_client_sent_before_it_closed_arrives() -> None:
    async with forward_node(*LOOPBACK) as one, doubling() as server, one.node.client() as ann:
        server.reads.clear()
        _, writer = await soon(ann.open_connection("127.0.0.1", server.port))
        writer.write(b"x" * 200_000)
        writer.close()
        await soon(writer.wait_closed())
        server.reads.set()
        await settled(lambda: server.seen == [b"x" * 200_000])
        await settled(lambda: one.count("channels") == 0)


async def test_a_break_of_one_side_breaks_the_other() -> None:
    """A client that goes is a reset to the host, and a host that resets closes the channel."""
    gone: list[Any] = []
    come = asyncio.Event()

    async def breaking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(1) == b"r":
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            return
        come.set()
        try:
            gone.append(await reader.read())
        except OSError as error:
            gone.append(error)

    server = await asyncio.start_server(breaking, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with forward_node(*LOOPBACK) as one, one.node.client() as ann:
        reader, writer = await soon(ann.open_connection("127.0.0.1", port))
        writer.write(b"r")
        assert await soon(reader.read()) == b""
        await soon(writer.channel.wait_closed())
        _, other = await soon(ann.open_connection("127.0.0.1", port))
        other.write(b"s")
        await soon(come.wait())
        ann._transport.abort()
        await settled(lambda: gone)
        assert isinstance(gone[0], ConnectionResetError)
        await settled(lambda: one.count("channels") == 0)
    server.close()


async def test_two_hundred_connections_at_once_share_one_channel_budget() -> None:
    async with forward_node(*LOOPBACK) as one, doubling() as server, one.node.client() as ann:
        server.reads.clear()
        many = [ann.open_connection("127.0.0.1", server.port) for _ in range(200)]
        opened = await soon(asyncio.gather(*many))
        await settled(lambda: server.open == 200)
        used = one.forwarding.places._used["ann"]
        assert (used.channels, used.held <= one.forwarding.settings.max_in_flight) == (200, True)
        server.reads.set()
        answers = await soon(asyncio.gather(*(ask(*each, b"%d" % i) for i, each in enumerate(opened))))
        assert answers == [b"%d" % i * 2 for i in range(200)]
        await settled(lambda: one.count("channels") == 0)


async def test_bounds_hold_and_places_come_back() -> None:
    async with forward_node(*LOOPBACK, channels=2, channels_in_all=3) as one, doubling() as server:
        await one.node.know("ssh:forward:*:*", name="bob", key=(bob := asyncssh.generate_private_key("ssh-ed25519")))
        async with one.node.client() as ann, one.node.client(bob) as other:
            held = [await soon(ann.open_connection("127.0.0.1", server.port)) for _ in range(2)]
            assert await refused(ann.open_connection("127.0.0.1", server.port)) == SHORTAGE
            await soon(other.open_connection("127.0.0.1", server.port))
            assert await refused(other.open_connection("127.0.0.1", server.port)) == SHORTAGE
            assert await soon(ask(*held[0])) == b"pingping"
            await settled(lambda: one.count("channels") == 2)
            assert await soon(ask(*await soon(ann.open_connection("127.0.0.1", server.port)))) == b"pingping"
            assert one.count("full") == 2


async def test_a_connection_through_which_nothing_goes_is_ended() -> None:
    async with forward_node(*LOOPBACK, idle_timeout=0.1) as one, doubling() as server, one.node.client() as ann:
        reader, _ = await soon(ann.open_connection("127.0.0.1", server.port))
        assert await soon(reader.read()) == b""
        await settled(lambda: server.seen == [b"broken"])
        assert one.count("idle") == 1


async def test_a_host_that_does_not_read_holds_its_client_up_and_fills_no_memory() -> None:
    sent = 0
    async with forward_node(*LOOPBACK) as one, doubling() as server, one.node.client_over_tcp() as ann:
        server.reads.clear()
        reader, writer = await soon(ann.open_connection("127.0.0.1", server.port))

        async def flood() -> None:
            nonlocal sent
            for _ in range(192):
                writer.write(bytes(65_536))
                await writer.drain()
                sent += 65_536
            writer.write_eof()

        flooding = asyncio.create_task(flood())
        await settled(lambda: sent >= 1 << 20)
        last = -1
        while sent != last:
            last = sent
            await asyncio.sleep(0.3)
        assert sent < 10 * 1024 * 1024  # what the kernel sends ahead, and one window
        assert len(one.forwarding.places._used) == 1
        server.reads.set()
        await soon(flooding)
        assert await soon(reader.read()) == b"%d" % (192 * 65_536)
        await settled(lambda: server.seen == [bytes(192 * 65_536)])
