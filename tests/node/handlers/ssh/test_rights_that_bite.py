"""Rights that are lost while they are used, clients that vanish: what runs ends, and nothing of it is left."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from node.core.locks import Lock, LockIndex, LockKind
from node.core.peers import PeerEntry
from tests.support.quic import settled, soon
from tests.support.ssh import SshNode, named, ssh_node

FAMILY = "sh -c 'sleep 600 & trap \"\" HUP; echo $$ $!; cat; wait'"
"""A program, its child, and their numbers."""


async def family(client: Any) -> tuple[Any, list[int]]:
    process = await soon(client.create_process(FAMILY))
    return process, [int(number) for number in (await soon(process.stdout.readline())).split()]


def gone(numbers: list[int]) -> Callable[[], bool]:
    """Whether none of them runs; one that nobody has waited for yet does not."""

    def state(number: int) -> str:
        try:
            return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return "Z"

    return lambda: all(state(number) == "Z" for number in numbers)


async def remove(node: SshNode) -> None:
    await node.store.remove_peer("ann")


async def disable(node: SshNode) -> None:
    await node.store.put_peer(PeerEntry("ann", (named(node.ann),), scopes=("ssh:exec:*",), enabled=False))


async def rekey(node: SshNode) -> None:
    await node.know("ssh:exec:*", key=asyncssh.generate_private_key("ssh-ed25519"))


async def lock(node: SshNode) -> None:
    node.store.publish_locks(LockIndex({"1": Lock("1", LockKind.PEER, "ann", "not this night")}))


@pytest.mark.parametrize("lose", [remove, disable, rekey, lock])
async def test_a_peer_that_loses_its_rights_loses_its_connection_and_what_runs_there(lose: Any) -> None:
    async with ssh_node() as node, node.client() as ann:
        _, numbers = await family(ann)
        assert not gone(numbers)()
        await lose(node)
        await soon(ann.wait_closed())
        await settled(gone(numbers))
        assert node.handler.snapshot()["revoked"] == 1
        with pytest.raises(asyncssh.PermissionDenied):
            await soon(node.client().__aenter__())


async def test_a_scope_that_is_lost_ends_its_sessions_alone_and_kills_what_will_not_end() -> None:
    async with ssh_node(scopes=("ssh:exec:sh", "ssh:exec:cat")) as node, node.client() as ann:
        process, numbers = await family(ann)
        other = await soon(ann.create_process("cat"))
        await node.know("ssh:exec:cat")
        await settled(gone(numbers))
        await soon(process.wait_closed())
        other.stdin.write_eof()
        assert (await soon(other.wait())).exit_status == 0
        assert (await soon(ann.run("sh -c true"))).exit_status == 126


@pytest.mark.parametrize("held", ["ssh:exec:sh", "ssh:exec:*"])
async def test_a_scope_that_is_locked_is_lost(held: str) -> None:
    async with ssh_node(scopes=(held,)) as node, node.client() as ann:
        _, numbers = await family(ann)
        node.store.publish_locks(LockIndex({"1": Lock("1", LockKind.SCOPE, "ssh:exec:sh")}))
        await settled(gone(numbers))


async def test_a_change_that_takes_nothing_ends_nothing() -> None:
    async with ssh_node() as node, node.client() as ann:
        process = await soon(ann.create_process("cat"))
        await node.know("ssh:exec:cat", "ssh:shell")
        await node.store.put_peer(PeerEntry("bob", ("ed25519:" + "b" * 64,)))
        process.stdin.write_eof()
        assert (await soon(process.wait())).exit_status == 0
        assert node.handler.snapshot()["revoked"] == 0


@pytest.mark.parametrize("way", ["channel", "connection"])
async def test_a_client_that_leaves_leaves_nothing_running(way: str) -> None:
    async with ssh_node() as node, node.client() as ann:
        process, numbers = await family(ann)
        if way == "channel":
            process.channel.abort()
        else:
            node.clients[-1].close()
        await settled(gone(numbers))


async def test_what_a_program_leaves_behind_in_its_group_ends_with_it() -> None:
    async with ssh_node() as node, node.client() as ann:
        done = await soon(ann.run("sh -c 'sleep 600 & echo $!'"))
        assert done.exit_status == 0
        await settled(gone([int(str(done.stdout))]))


async def test_a_program_has_no_descriptor_of_the_node() -> None:
    async with ssh_node(programs=("/bin/ls",)) as node, node.client() as ann:
        held = os.open("/dev/null", os.O_RDONLY)
        os.set_inheritable(held, True)
        try:
            done = await soon(ann.run("ls /proc/self/fd"))
        finally:
            os.close(held)
        assert set(str(done.stdout).split()) <= {"0", "1", "2", "3"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_a_node_that_is_root_runs_programs_as_the_user_of_the_settings() -> None:
    async with ssh_node(user="nobody") as node, node.client() as ann:
        done = await soon(ann.run("sh -c 'id -u; id -un; id -G; pwd; cat /proc/self/status'"))
        lines = str(done.stdout).splitlines()
        assert lines[1] == "nobody"
        assert "0" not in (lines[0], *lines[2].split())
        assert lines[3] == "/"
        status = dict(line.split(":\t", 1) for line in lines[4:] if ":\t" in line)
        assert set(status["Uid"].split()) == {lines[0]}
        assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0


async def test_a_node_that_is_root_runs_nothing_until_a_user_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ssh_node(user="") as node, node.client() as ann:
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        done = await soon(ann.run("echo x"))
        assert (done.stdout, done.exit_status) == ("", 126)
        assert "log" in str(done.stderr)


async def test_what_nobody_reads_holds_its_program_up_and_fills_no_memory() -> None:
    async with ssh_node(programs=("/bin/sh", "/usr/bin/yes")) as node, node.client() as ann:
        process = await soon(ann.create_process("yes", encoding=None, window=1 << 30))
        [served] = node.handler._connections.of(["ann"])
        ann._transport.pause_reading()
        [session] = served.sessions
        await settled(lambda: not served.takes.is_set())
        before = _unsent(served)
        await asyncio.sleep(0.1)
        assert _unsent(served) <= max(before, 1) + 256 * 1024 < 2 * 1024 * 1024
        process.channel.abort()
        ann._transport.resume_reading()
        await settled(lambda: not served.sessions)
        assert session not in served._windows


def _unsent(served: Any) -> int:
    return int(served._ssh._transport._transport.get_write_buffer_size())
