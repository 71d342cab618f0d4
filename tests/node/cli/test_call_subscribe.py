"""`alknet call` as a process against operations that stream."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from node.core.identity import Identity
from tests.support.appliance import environment, warm_alknet
from tests.support.call_node import CallNode, call_node
from tests.support.quic import settled


class Shell:
    """Runs `alknet call` against one node, as a user with a home of their own."""

    def __init__(self, node: CallNode, home: Path) -> None:
        self.node = node
        self._env = environment(XDG_CONFIG_HOME=str(home))

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        command = (*warm_alknet(), "call", self.node.address, "--pin", self.node.pin, "--anonymous", *arguments)
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(*command, env=self._env, stdin=pipe, stdout=pipe, stderr=pipe)

    async def run(self, *arguments: str, given: str = "") -> tuple[int | None, str, str]:
        process = await self.start(*arguments)
        out, err = await process.communicate(given.encode())
        return process.returncode, out.decode(), err.decode()


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    async with asyncio.timeout(60), call_node() as node:
        yield Shell(node, tmp_path)


async def test_each_item_is_a_line(shell: Shell) -> None:
    status, out, err = await shell.run("count/up", "3", "--subscribe")
    assert (status, out, err) == (0, '{"n": 0}\n{"n": 1}\n{"n": 2}\n', "")


async def test_an_error_comes_after_the_items(shell: Shell) -> None:
    status, out, err = await shell.run("count/fail", "--subscribe")
    assert (status, out) == (1, "1\n")
    assert "INTERNAL: boom" in err


async def test_the_first_item_alone_comes_with_a_hint_of_the_others(shell: Shell) -> None:
    status, out, err = await shell.run("count/up", "3", "--json")
    assert (status, out) == (0, '{"n": 0}\n')
    assert "count/up is a subscription" in err
    assert "--subscribe" in err
    assert (await shell.run("echo/run", "3"))[1:] == ("3\n", "")


async def test_ctrl_c_ends_it_at_the_node(shell: Shell) -> None:
    process = await shell.start("count/on", "--subscribe")
    assert process.stdout is not None
    assert await process.stdout.readline() == b'"x"\n'
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in err
    await settled(lambda: shell.node.running == 0)


async def test_a_reader_that_goes_away_ends_it(shell: Shell) -> None:
    process = await shell.start("count/on", "10000", "--subscribe")
    assert process.stdout is not None
    await process.stdout.readline()
    process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]  # as head does once it has enough
    _, err = await process.communicate()
    assert process.returncode != 0
    assert b"Traceback" not in err
    await settled(lambda: shell.node.running == 0)


async def test_the_whole_takes_no_longer_than_is_given(shell: Shell) -> None:
    status, out, err = await shell.run("count/on", "--subscribe", "--timeout", "2")
    assert status == 1
    assert out.startswith('"x"\n')
    assert "TIMEOUT" in err


async def test_the_input_comes_from_standard_input(shell: Shell) -> None:
    value = {"text": "é" * 100_000}
    status, out, _ = await shell.run("echo/run", "-", "--json", given=json.dumps(value))
    assert (status, json.loads(out)) == (0, value)


async def test_a_claim_is_made_whole_or_refused(shell: Shell) -> None:
    claim = {"id": "alice", "scopes": ["a"], "resources": {"repo": ["web"]}}
    assert (await shell.run("echo/run", "--forwarded-for", json.dumps(claim)))[0] == 0
    assert shell.node.claims == [Identity("alice", ("a",), {"repo": ("web",)})]
    status, _, err = await shell.run("echo/run", "--forwarded-for", '{"id": "alice"}')
    assert status == 2
    assert "--forwarded-for: expected" in err
