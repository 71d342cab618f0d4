"""One run of one child process, from its start to its end."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from node.lifeline import ParentLifeline


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """How a child is started. `--ready-fd N` is appended to `argv`, `environment` is laid over ours."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]


class Child:
    """A started process and its lifeline. It has a session of its own, so a Ctrl-C reaches the supervisor only."""

    def __init__(self, process: asyncio.subprocess.Process, lifeline: ParentLifeline) -> None:
        self._process = process
        self._lifeline = lifeline

    @classmethod
    async def start(cls, spec: ChildSpec) -> "Child":
        lifeline = ParentLifeline()
        try:
            process = await asyncio.create_subprocess_exec(
                *spec.argv,
                "--ready-fd",
                str(lifeline.child_fd),
                stdin=asyncio.subprocess.DEVNULL,
                env={**os.environ, **spec.environment},
                pass_fds=(lifeline.child_fd,),
                start_new_session=True,
            )
        except BaseException:
            lifeline.close()
            raise
        lifeline.started()
        return cls(process, lifeline)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ready(self) -> dict[str, Any] | None:
        """The facts of its next ready line, or None if it ended first. Raises ValueError on a line that is none."""
        return await self._lifeline.read_ready()

    async def wait(self) -> int:
        """The exit status, negative for a signal, once the process has ended."""
        return await self._process.wait()

    async def stop(self, grace: float) -> None:
        """Ask it to end, and after `grace` seconds make it. Returns once it is gone; harmless when it already is."""
        if self._process.returncode is None:
            self._process.terminate()
            try:
                async with asyncio.timeout(grace):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        self._lifeline.close()
