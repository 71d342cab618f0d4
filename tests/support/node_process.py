"""A node as a process of its own, without the panel."""

import asyncio
import contextlib
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from node.client.call import CallClient
from node.lifeline import ParentLifeline
from node.quic.tls.keys import load_or_create_node_key
from tests.support import warm
from tests.support.appliance import environment

ROOT = Path(__file__).parents[2]
SECONDS = 60


class NodeProcess:
    """A running `alknet node`; `facts` is what it said when it served."""

    def __init__(
        self,
        data: Path,
        module: str = "node.cli.main",
        listen: str = "127.0.0.1:0",
        python: str | None = None,
        **settings: str,
    ) -> None:
        self.data = data
        data.mkdir(exist_ok=True)
        self.lifeline = ParentLifeline()
        self.log = (data / "node.log").open("a+")
        fd = self.lifeline.child_fd
        command = [python or warm.python(), "-m", module, "node", "--ready-fd", str(fd), "--listen", listen]
        env = environment(ALKNET_DATA=str(data), **settings)
        self.process = subprocess.Popen(command, env=env, pass_fds=[fd], stderr=self.log, cwd=ROOT)
        self.lifeline.started()
        self.facts: dict[str, Any] = {}

    async def serving(self) -> "NodeProcess":
        facts = await asyncio.wait_for(self.lifeline.read_ready(), SECONDS)
        assert facts is not None, self.text()
        self.facts = facts
        return self

    def text(self) -> str:
        self.log.seek(0)
        return self.log.read()

    async def says(self, text: str, count: int = 1) -> None:
        """Wait until the log has this text so many times."""
        async with asyncio.timeout(SECONDS):
            while self.text().count(text) < count:
                await asyncio.sleep(0.02)

    def connect(self, identity: Path) -> contextlib.AbstractAsyncContextManager[CallClient]:
        key = load_or_create_node_key(identity)
        return CallClient.connect(self.facts["address"], key=key, pin=self.facts["fingerprint"])

    def follow(self, text: str) -> None:
        """Have it run by this settings file from now on."""
        (self.data / "alknet.toml").write_text(text)
        self.process.send_signal(signal.SIGHUP)

    def end(self) -> None:
        self.lifeline.close()
        warm.kill(self.process)
        self.process.wait()
        self.log.close()


@contextlib.asynccontextmanager
async def running(data: Path, python: str | None = None, **settings: str) -> AsyncIterator[NodeProcess]:
    """A node that serves. With `python=sys.executable` /proc shows it as what it is (tests.support.warm)."""
    node = NodeProcess(data, python=python, **settings)
    try:
        yield await node.serving()
    finally:
        node.end()


def peer_table(identity: Path, name: str) -> str:
    key = load_or_create_node_key(identity).fingerprint
    return f'[[peers]]\npeer_id = "{name}"\nfingerprints = ["{key}"]\nscopes = ["a"]\n'
