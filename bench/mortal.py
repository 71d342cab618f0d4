"""A process of the appliance that is killed and begun again, on the same address each time."""

import asyncio
import contextlib
import os
import socket
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.database import ROOT, environment
from node.core.paths import DataPaths
from node.lifeline import ParentLifeline

START_S = 60.0


class Mortal:
    """`facts` is what it said when it last served; `deaths` are the times at which it was killed, in unix seconds."""

    def __init__(self, paths: DataPaths, *arguments: str, variables: Mapping[str, str]) -> None:
        self._paths = paths
        self._arguments = arguments
        self._variables = dict(variables)
        self._process: Process | None = None
        self._lifeline: ParentLifeline | None = None
        self.facts: dict[str, Any] = {}
        self.deaths: list[float] = []

    async def start(self) -> None:
        """Begin it, and go on at once."""
        self._lifeline = ParentLifeline()
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *self._arguments,
            "--ready-fd",
            str(self._lifeline.child_fd),
            env=environment(self._paths) | self._variables,
            cwd=ROOT,
            pass_fds=(self._lifeline.child_fd,),
        )
        self._lifeline.started()

    async def ready(self) -> None:
        """Wait until it serves. Raises EOFError if it ended instead, TimeoutError if it does neither."""
        assert self._lifeline is not None
        facts = await asyncio.wait_for(self._lifeline.read_ready(), START_S)
        if facts is None:
            raise EOFError("the process ended before it served")
        self.facts = facts

    async def kill(self) -> None:
        """SIGKILL, and wait for its end."""
        assert self._process is not None
        self.deaths.append(time.time())
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, 9)
        await self._end()

    async def stop(self) -> None:
        """SIGTERM, and wait for its end."""
        if self._process is None or self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        await self._end()

    def rss_mb(self) -> float:
        """What of it is in memory now, in MB (proc(5))."""
        assert self._process is not None
        statm = Path(f"/proc/{self._process.pid}/statm").read_text()
        return round(int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)

    def cpu_s(self) -> float:
        """Seconds of processor time that it has taken since it began (proc(5))."""
        assert self._process is not None
        after_name = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, after_name[11:13])) / os.sysconf("SC_CLK_TCK")

    async def _end(self) -> None:
        assert self._process is not None
        await self._process.wait()
        if self._lifeline is not None:
            self._lifeline.close()


def node(paths: DataPaths, **variables: str) -> Mortal:
    """The node, at one UDP port of its own."""
    listen = f"127.0.0.1:{_free_port()}"
    more = {"ALKNET_LOG__LEVEL": "error", **variables}
    return Mortal(paths, "-m", "node.cli.main", "node", "--listen", listen, variables=more)


def web(paths: DataPaths, **variables: str) -> Mortal:
    """The panel, at any TCP port."""
    more = {"ALKNET_LOG__LEVEL": "error", "ALKNET_PANEL__LISTEN": "127.0.0.1:0", **variables}
    return Mortal(paths, "manage.py", "serve", variables=more)


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
