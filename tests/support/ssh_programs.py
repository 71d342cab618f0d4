"""Programs of the system that come to a node through OpenSSH: through `alknet nc`, and by the node's TCP port."""

import asyncio
import contextlib
import shlex
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from node.assembly.sftp import subsystem
from node.core.address import format_host_port
from node.core.journal import NoJournal
from node.core.peers import PeerEntry
from node.handlers.sftp.handler import SftpHandler
from node.handlers.sftp.limits import BucketSettings, SftpLimits
from node.handlers.ssh.subsystem import SubsystemSession
from tests.support.appliance import environment
from tests.support.ssh import SshNode, named, ssh_node

PATIENCE = 120.0
"""Seconds for one program."""


class Machine:
    """A client's machine, with a configuration of OpenSSH in which `box` is the node."""

    def __init__(self, node: SshNode, directory: Path, way: str) -> None:
        self.node, self.directory = node, directory
        self.files = directory / "files"
        """What the node serves as the bucket `files`."""
        self.key, self.known = directory / "key", directory / "known"
        self.port = node.tcp.address[1]
        node.ann.write_private_key(self.key)
        self.key.chmod(0o600)
        raw = node.host_key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        self.known.write_text(
            f"[127.0.0.1]:{self.port} {asyncssh.import_private_key(raw).export_public_key().decode()}"
        )
        self.config = directory / "config"
        self.config.write_text(
            f"Host box\n HostName 127.0.0.1\n Port {self.port}\n User any\n IdentityFile {self.key}\n"
            f" UserKnownHostsFile {self.known}\n BatchMode yes\n IdentitiesOnly yes\n" + self._proxy(way)
        )
        self.ssh = ["ssh", "-F", str(self.config)]

    @property
    def nc(self) -> list[str]:
        """The command that is a stream of the node's SSH."""
        address, pin = format_host_port(self.node.listener.address), self.node.node_key.fingerprint
        return [sys.executable, "-m", "node.cli.main", "nc", "alknet/ssh", address, "--pin", pin, "--anonymous"]

    def _proxy(self, way: str) -> str:
        return "" if way == "tcp" else f" ProxyCommand {shlex.join(self.nc)}\n"

    async def run(self, *command: str | Path, given: bytes = b"", **variables: str) -> tuple[int | None, str]:
        """A program's exit status, and all that it said."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *map(str, command),
            stdin=pipe,
            stdout=pipe,
            stderr=asyncio.subprocess.STDOUT,
            env=environment(HOME=str(self.directory), XDG_CONFIG_HOME=str(self.directory), **variables),
            cwd=self.directory,
        )
        try:
            out, _ = await asyncio.wait_for(process.communicate(given), PATIENCE)
        finally:
            if process.returncode is None:
                process.kill()
        return process.returncode, out.decode(errors="replace")


@contextlib.asynccontextmanager
async def machine(own: Path, way: str, *scopes: str, **settings: object) -> AsyncIterator[Machine]:
    """One whose key is the peer's `ann`, with these scopes and all rights to the bucket."""
    files = own / "files"
    files.mkdir()

    async def serve(session: SubsystemSession) -> int:
        return await subsystem(handler, NoJournal())(session)

    async with ssh_node({"sftp": serve}, **settings) as node:
        handler = SftpHandler(node.store, SftpLimits(buckets={"files": BucketSettings(directory=files)}))
        entry = PeerEntry("ann", (named(node.ann),), scopes=(*scopes, "sftp:*"), resources={"bucket": ("files",)})
        await node.store.put_peer(entry)
        yield Machine(node, own, way)
    await handler.close()


def path_of(name: str) -> str:
    """Of a program that the node runs."""
    return shutil.which(name) or f"/usr/bin/{name}"
