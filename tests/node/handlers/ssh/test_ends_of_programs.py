"""Programs that end in odd ways, or cannot begin: each session ends, and what has ended is signalled by nobody."""

import asyncio
import contextlib
import gc
import os
import pwd
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from node.handlers.ssh.child_watcher import wait_without_threads
from node.handlers.ssh.environment import SEARCHED
from node.handlers.ssh.local_user import local_user
from node.handlers.ssh.program import Program
from node.handlers.ssh.subsystem import SubsystemSession
from node.handlers.ssh.terminal import Terminal
from tests.support.process_tree import runs
from tests.support.quic import settled, soon
from tests.support.ssh import ssh_node

SHELL = ("ssh:shell", "ssh:exec:*")
CLOSE = 97
"""Number of the message that closes a channel (RFC 4254 §5.3)."""


async def test_a_program_that_a_signal_without_a_name_has_ended_ends_its_session() -> None:
    async with ssh_node() as node, node.client() as ann:
        ended = await soon(ann.run("sh -c 'kill -37 $$'"))
        assert ended.exit_signal
        assert ended.exit_signal[0].startswith("RTMIN+")


async def test_a_subsystem_that_fails_ends_its_session() -> None:
    async def broken(session: SubsystemSession) -> int:
        raise LookupError(session.identity.id)

    async with ssh_node({"broken": broken}, scopes=("ssh:broken",)) as node, node.client() as ann:
        assert (await soon(ann.run(subsystem="broken"))).exit_status == 255


async def test_a_signal_after_the_end_reaches_nobody_elses_terminal() -> None:
    """The descriptor of a closed terminal is the next one's."""
    async with ssh_node(shell="/bin/sh", scopes=SHELL) as node, node.client() as ann, node.client() as bob:
        over = await soon(ann.create_process("true", term_type="xterm"))
        process = over.channel.process_packet
        over.channel.process_packet = lambda kind, *more: True if kind == CLOSE else process(kind, *more)
        [served] = [one for one in node.handler._connections.of(["ann"]) if one.sessions]
        await settled(lambda: not any(session._task and not session._task.done() for session in served.sessions))
        running = await soon(bob.create_process("cat", term_type="xterm"))
        running.stdin.write("here\n")
        await soon(running.stdout.readuntil("here"))
        for name in ("KILL", "HUP"):
            over.channel.send_signal(name)
        over.channel.change_terminal_size(1, 1)
        running.stdin.write("still\n")
        await soon(running.stdout.readuntil("still"))


async def test_what_has_ended_and_was_not_read_yet_is_signalled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """By then its number may be another program's."""
    told: list[int] = []
    kill = os.killpg
    monkeypatch.setattr(os, "killpg", lambda group, number: (told.append(number), kill(group, number)))
    async with ssh_node() as node, node.client() as ann:
        process = await soon(ann.create_process("sh -c 'head -c 200000 /dev/zero'", encoding=None, window=1000))
        await settled(lambda: told)
        process.channel.send_signal("TERM")
        await soon(process.stdout.read(200))
        process.channel.abort()
        await settled(lambda: not next(iter(node.handler._connections.of(None))).sessions)
    assert told == [9]


async def test_a_terminal_that_cannot_be_had_leaves_no_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def none_left(*_: Any) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(Terminal, "streams", none_left)
    async with ssh_node(shell="/bin/sh", scopes=SHELL) as node, node.client() as ann:
        done = await soon(ann.run(f"sh -c 'touch {tmp_path}/ran'", term_type="xterm"))
        assert done.exit_status == 126
        assert (await soon(ann.run("true"))).exit_status == 0
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("steps", range(6))
async def test_a_start_that_is_cancelled_leaves_nobody_running(steps: int) -> None:
    user = local_user(pwd.getpwuid(os.geteuid()).pw_name)
    marked = f"6{steps}0.0125"
    words = ("sh", "-c", f"sleep {marked} & trap '' TERM HUP; sleep {marked}; true")
    starting = asyncio.create_task(Program("/bin/sh", words, {"PATH": SEARCHED}, user, "/").start())
    for _ in range(steps):
        await asyncio.sleep(0)
    starting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await (await soon(starting)).stop()
    await settled(lambda: not runs(marked))


@pytest.fixture
async def watched() -> AsyncIterator[None]:
    """Programs are waited for as in a node."""
    policy = asyncio.get_event_loop_policy()
    before = policy.get_child_watcher()
    wait_without_threads()
    yield
    policy.set_child_watcher(before)


OLDER = pytest.mark.skipif(sys.version_info >= (3, 12), reason="Python does so by itself")


@OLDER
async def test_programs_take_no_threads(watched: None) -> None:
    async with ssh_node() as node, node.client() as ann:
        threads = threading.active_count()
        running = [await soon(ann.create_process("cat")) for _ in range(4)]
        for one in running:
            one.stdin.write("x\n")
            await soon(one.stdout.readline())
        assert threading.active_count() == threads
        for one in running:
            one.stdin.write_eof()
        assert [(await soon(one.wait())).exit_status for one in running] == [0] * 4


@OLDER
@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_a_program_that_cannot_be_watched_does_not_run_on(watched: None, monkeypatch: pytest.MonkeyPatch) -> None:
    async with ssh_node() as node, node.client() as ann:
        with monkeypatch.context() as without:
            without.setattr(os, "pidfd_open", _none_left)
            assert (await soon(ann.run("sh -c 'sleep 671.0125 & sleep 671.0125'"))).exit_status == 126
        await settled(lambda: not runs("671.0125"))
        assert (await soon(ann.run("true"))).exit_status == 0
    gc.collect()


def _none_left(*_: Any) -> int:
    raise OSError(24, "Too many open files")


async def test_a_client_that_takes_tiny_packets_gets_no_channel() -> None:
    async with ssh_node() as node, node.client() as ann:
        with pytest.raises(asyncssh.ChannelOpenError, match="too small"):
            await soon(ann.create_process("cat", max_pktsize=1))
        assert (await soon(ann.run("cat", input="x" * 4000, max_pktsize=512))).stdout == "x" * 4000
