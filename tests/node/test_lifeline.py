"""The lifeline between two ends of one real socket pair, and across a real fork."""

import asyncio
import os
import socket
import subprocess
import sys

import pytest

from node.lifeline import Lifeline, ParentLifeline


def child_of(parent: ParentLifeline) -> Lifeline:
    child = Lifeline.from_fd(os.dup(parent.child_fd))
    parent.started()
    return child


async def test_facts_of_the_child_reach_the_parent() -> None:
    parent = ParentLifeline()
    child = child_of(parent)
    child.ready(address="127.0.0.1:1", fingerprint="ed25519:é")
    assert await parent.read_ready() == {"address": "127.0.0.1:1", "fingerprint": "ed25519:é"}
    child.close()
    parent.close()


async def test_what_is_told_later_is_heard_in_turn_even_if_it_comes_at_once() -> None:
    parent = ParentLifeline()
    child = child_of(parent)
    for vault in ("locked", "unlocked"):
        child.ready(vault=vault)
    assert await parent.read_ready() == {"vault": "locked"}
    assert await parent.read_ready() == {"vault": "unlocked"}
    waiting = asyncio.create_task(parent.read_ready())
    await asyncio.sleep(0)
    waiting.cancel()
    child.ready(vault="locked")
    child.close()
    assert await parent.read_ready() == {"vault": "locked"}
    assert await parent.read_ready() is None
    parent.close()


async def test_the_child_learns_that_its_parent_let_go() -> None:
    parent = ParentLifeline()
    child = child_of(parent)
    waiting = asyncio.create_task(child.wait_parent_gone())
    await asyncio.sleep(0)
    assert not waiting.done()
    parent.close()
    await waiting
    child.ready(address="nobody hears it")
    child.close()


async def test_the_parent_learns_that_the_child_ended_unready() -> None:
    parent = ParentLifeline()
    child_of(parent).close()
    assert await parent.read_ready() is None
    parent.close()


async def test_half_a_line_is_no_ready_line() -> None:
    parent = ParentLifeline()
    ours = socket.socket(fileno=os.dup(parent.child_fd))
    parent.started()
    ours.sendall(b'{"address": "127')
    ours.close()
    assert await parent.read_ready() is None
    parent.close()


@pytest.mark.parametrize("line", [b"junk\n", b"[]\n", b"\xff\n", b"x" * 70_000])
async def test_nonsense_is_refused(line: bytes) -> None:
    parent = ParentLifeline()
    ours = socket.socket(fileno=os.dup(parent.child_fd))
    parent.started()
    sending = asyncio.create_task(asyncio.to_thread(ours.sendall, line))
    with pytest.raises(ValueError, match=r"."):
        await parent.read_ready()
    parent.close()
    await asyncio.gather(sending, return_exceptions=True)
    ours.close()


async def test_without_a_descriptor_there_is_nobody_to_tell_or_lose() -> None:
    child = Lifeline.from_fd(None)
    child.ready(address="x")
    waiting = asyncio.create_task(child.wait_parent_gone())
    await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()
    child.close()


def test_a_descriptor_that_is_no_socket_is_refused() -> None:
    with pytest.raises(OSError, match=r"."):
        Lifeline.from_fd(99_999)


def test_a_child_sees_the_death_of_a_parent_that_was_killed() -> None:
    """The middle process holds the parent's end and kills itself; its child, which we hear, says that it noticed."""
    middle = (
        "import os, signal, subprocess, sys\n"
        "from node.lifeline import ParentLifeline\n"
        "line = ParentLifeline()\n"
        "child = [sys.executable, '-c', sys.argv[1], str(line.child_fd)]\n"
        "subprocess.Popen(child, pass_fds=[line.child_fd])\n"
        "line.started()\n"
        "input()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    child = (
        "import asyncio, sys\n"
        "from node.lifeline import Lifeline\n"
        "print('waits', flush=True)\n"
        "asyncio.run(Lifeline.from_fd(int(sys.argv[1])).wait_parent_gone())\n"
        "print('gone')\n"
    )
    command = (sys.executable, "-c", middle, child)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == b"waits\n"
        process.stdin.write(b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"gone\n"
        assert process.wait() == -9
