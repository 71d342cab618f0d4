"""A node of `two_nodes` in a process of its own, told what to do line by line.

Run as `python -m tests.support.node_apart`; `NodeApart` is what its parent has of it.
"""

import asyncio
import contextlib
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from node.client.dial import dial
from node.core.address import format_host_port
from node.core.identity import AuthContext
from node.core.index import build_index
from node.core.peers import PeerEntry
from node.handlers.call.handler import ALPN
from tests.support.call_log import CallLog
from tests.support.call_operations import SUBSCRIPTIONS
from tests.support.call_world import End, World
from tests.support.two_nodes import Node

ROOT = Path(__file__).parents[2]


class Apart:
    """The child's side: its node, and the end of the connection of this history."""

    def __init__(self, node: Node) -> None:
        self.node, self.log, self.end = node, CallLog(SUBSCRIPTIONS), list[End]()

    async def obey(self, command: str, argument: str) -> Any:
        match command:
            case "know":
                self.node.provider.publish(build_index([PeerEntry("parent", (argument,))]))
            case "begin":
                self.node.gate, self.log, self.end = asyncio.Event(), CallLog(SUBSCRIPTIONS), []
                self.node.handler.logs.put_nowait(self.log)
            case "accepted":
                self.end = [await self.node.handler.accepted.get()]
            case "open":
                self.node.gate.set()
            case "left":
                world = World()
                world.ends = self.end
                return world.left
            case "over":
                self.log.hold_to_the_rules()
                return self.node.left
        return None


async def main() -> None:
    loop = asyncio.get_running_loop()
    async with Node().serving() as node:
        apart = Apart(node)
        print(json.dumps([format_host_port(node.listener.address), node.key.fingerprint]), flush=True)
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            try:
                answer = [await apart.obey(*line.rstrip("\n").split(" "))]
            except AssertionError as error:
                answer = [None, str(error)]
            print(json.dumps(answer), flush=True)


class NodeApart:
    """The parent's side. `tell` gives what the child says to one command. Raises AssertionError in its place."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.address = self.pin = ""

    async def hear(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(await asyncio.wait_for(self._process.stdout.readline(), 60))

    async def tell(self, command: str, argument: str = "") -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command} {argument}\n".encode())
        answer, *wrong = await self.hear()
        assert not wrong, wrong[0]
        return answer

    @contextlib.asynccontextmanager
    async def world(self, node: Node) -> AsyncIterator[World]:
        """A fresh connection that `node` has dialled, for the time of the block."""
        await self.tell("begin")
        log, made = CallLog(SUBSCRIPTIONS), World()
        node.gate = asyncio.Event()
        connection = await dial(self.address, ALPN, key=node.key, pin=self.pin)
        end = node.handler.end(connection, AuthContext(None, ALPN, tls_client_fingerprint=self.pin), log, side=0)
        running = asyncio.create_task(end.calls.run())
        made.ends = [end]
        try:
            await self.tell("accepted")
            yield made
        finally:
            connection.close()
            await asyncio.wait((running,), timeout=60)


@contextlib.asynccontextmanager
async def node_apart(node: Node) -> AsyncIterator[NodeApart]:
    """A running one, which knows `node` by its key."""
    command = (sys.executable, "-m", "tests.support.node_apart")
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=PIPE, stdout=PIPE)
    apart = NodeApart(process)
    try:
        apart.address, apart.pin = await apart.hear()
        await apart.tell("know", node.key.fingerprint)
        yield apart
    finally:
        process.kill()
        await process.wait()


if __name__ == "__main__":
    asyncio.run(main())
