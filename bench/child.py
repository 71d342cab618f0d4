"""A child process that is told and tells things line by line."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence

from bench.database import ROOT, environment
from node.core.paths import DataPaths

TIMEOUT_S = 60.0
"""For one line: far more than nearly any of them takes."""
MAX_LINE = 64 * 1024 * 1024
"""Bytes of one line."""


class Child:
    def __init__(self, process: Process) -> None:
        self._process = process

    async def line(self, patience: float = TIMEOUT_S) -> str:
        """The next line that it prints. Raises EOFError if it ended, TimeoutError if it hangs."""
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), patience)
        if not line:
            raise EOFError("the child process ended")
        return line.decode().strip()

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    async def say(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{text}\n".encode())
        await self._process.stdin.drain()


@contextlib.asynccontextmanager
async def running(
    paths: DataPaths,
    *arguments: str,
    pass_fds: Sequence[int] = (),
    enter: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
) -> AsyncIterator[Child]:
    """Python with these arguments on the data directory; killed at the end if it still runs.

    `enter` is a command that becomes the one after it, such as one that enters a namespace first.
    """
    process = await asyncio.create_subprocess_exec(
        *enter,
        sys.executable,
        *arguments,
        env=environment(paths) | dict(variables or {}),
        cwd=ROOT,
        stdin=PIPE,
        stdout=PIPE,
        limit=MAX_LINE,
        pass_fds=pass_fds,
    )
    try:
        yield Child(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, 9)
        await process.wait()
