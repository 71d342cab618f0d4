"""Clients of the control socket that end without a word, while nothing was to be said to them."""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from node.control.limits import ControlLimits
from node.control.server import ControlServer, open_control
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import Operation, OperationContext, OperationRegistry, OperationType
from tests.support.control import read_events, request
from tests.support.eventually import eventually

ASK = """
import socket, sys, time
sock = socket.socket(socket.AF_UNIX)
sock.connect(sys.argv[1])
sock.sendall(bytes.fromhex(sys.argv[2]))
if sys.argv[3] == "ended":
    sock.shutdown(socket.SHUT_WR)
print("asked", flush=True)
time.sleep(60)
"""


class Quiet:
    """A subscription that has nothing to say until it may."""

    def __init__(self) -> None:
        self.running = 0
        self.may = asyncio.Event()
        self.registry = OperationRegistry()
        self.registry.register(Operation("quiet/on", self.on, OperationType.SUBSCRIPTION))

    async def on(self, _: Any, __: OperationContext) -> AsyncIterator[int]:
        self.running += 1
        try:
            await self.may.wait()
            yield 1
        finally:
            self.running -= 1


@contextlib.asynccontextmanager
async def served(path: Path) -> AsyncIterator[tuple[Quiet, ControlServer]]:
    quiet = Quiet()
    async with open_control(path, quiet.registry, ControlLimits(idle_timeout=3600), CallLimits()) as server:
        yield quiet, server


@pytest.mark.parametrize("half", ["open", "ended"])
async def test_a_killed_client_s_subscription_ends_though_it_has_nothing_to_say(tmp_path: Path, half: str) -> None:
    """Also where its sending had ended long before: that alone would mean that it still listens."""
    path = tmp_path / "node.sock"
    async with served(path) as (quiet, server):
        command = (sys.executable, "-c", ASK, str(path), request("quiet/on").hex(), half)
        client = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert client.stdout is not None
        await client.stdout.readline()
        await eventually(lambda: quiet.running == 1)
        client.send_signal(signal.SIGKILL)
        await client.wait()
        await eventually(lambda: quiet.running == 0)
        await eventually(lambda: server.snapshot()["connections"] == 0)


async def test_a_client_that_only_ended_its_sending_still_gets_its_items(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.control.stream.LOOK_EVERY", 0.001)
    path = tmp_path / "node.sock"
    async with served(path) as (quiet, _):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(60)
            sock.connect(str(path))
            sock.sendall(request("quiet/on"))
            sock.shutdown(socket.SHUT_WR)
            await eventually(lambda: quiet.running == 1)
            for _ in range(50):
                await asyncio.sleep(0.001)
            assert quiet.running == 1
            quiet.may.set()
            events = await asyncio.to_thread(read_events, sock)
        assert [event["type"] for event in events] == ["call.responded", "call.completed"]
