"""`alknet connect` as a process."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from node.core.address import format_host_port
from node.core.identity import Address
from tests.support import warm, warm_python
from tests.support.appliance import environment

ROOT = Path(__file__).parents[2]
SECONDS = 60


class Connect:
    """The command, and the lines that it has told so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.told: list[str] = []

    async def says(self, text: str) -> str:
        """Read lines until one has this text; what stands behind it."""
        assert self.process.stderr
        async with asyncio.timeout(SECONDS):
            while line := (await self.process.stderr.readline()).decode():
                self.told.append(line)
                if text in line:
                    return line.partition(text)[2].strip()
        raise AssertionError(f"never told: {text}\n{''.join(self.told)}")

    async def ended(self) -> int:
        assert self.process.stderr
        self.told.append((await asyncio.wait_for(self.process.stderr.read(), SECONDS)).decode())
        return await asyncio.wait_for(self.process.wait(), SECONDS)


@contextlib.asynccontextmanager
async def connect(home: Path, address: Address, pin: str, *options: str) -> AsyncIterator[Connect]:
    """It dials this node, with this directory for the user's own files."""
    words = (warm.python(), "-m", "node.cli.main", "connect", format_host_port(address), "--pin", pin, *options)
    env = environment(XDG_CONFIG_HOME=str(home))
    process = await asyncio.create_subprocess_exec(*words, stderr=asyncio.subprocess.PIPE, env=env, cwd=ROOT)
    try:
        yield Connect(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL if warm.python() == sys.executable else warm_python.KILL)
        await process.wait()
