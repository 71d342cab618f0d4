"""The serving end of the bench of SSH: the node's SSH by QUIC and by its TCP port, asyncssh's own, and the bare engine.

Run as `python -m bench.ssh_server DIRECTORY`. The peer is who has the key of `key.pub` there; by SFTP there is what is
in `served`, with one bucket `files`. Prints the QUIC port and pin, the node's TCP port and asyncssh's TCP port, then
one number for each line that comes in: for `memory` the bytes that it has in RAM, else the CPU time that it has used,
in nanoseconds. It serves until it is killed or its input ends.
"""

import asyncio
import contextlib
import logging
import os
import pwd
import sys
import time
from asyncio.subprocess import PIPE
from functools import partial
from pathlib import Path
from typing import Any

import asyncssh
from asyncssh.encryption import get_encryption_algs
from asyncssh.mac import get_mac_algs
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.engine_commands import commands, prepare
from bench.engine_side import ALPN, HOST
from bench.engine_workload import CHUNK, Duplex, answer
from bench.memory import resident
from node.assembly.sftp import subsystem
from node.core.connection import Connection
from node.core.errors import StreamError
from node.core.identity import AuthContext
from node.core.journal import NoJournal
from node.core.peers import PeerEntry
from node.core.tasks import TaskSet
from node.endpoint.endpoint import Endpoint
from node.endpoint.limits import EndpointLimits
from node.endpoint.registry import HandlerRegistry
from node.handlers.sftp.handler import SftpHandler
from node.handlers.sftp.limits import BucketSettings, SftpLimits
from node.handlers.ssh.algorithms import CIPHERS, MACS, available
from node.handlers.ssh.handler import ALPN as SSH
from node.handlers.ssh.handler import SshHandler
from node.handlers.ssh.keys import fingerprint_of_key
from node.handlers.ssh.limits import SshSettings
from node.quic.server.listener import QuicListener
from node.quic.tls.keys import NodeKey
from node.store.memory import MemoryIdentityStore
from node.tcp.listener import TcpListener

PROGRAMS = ("/usr/bin/head", "/usr/bin/wc", "/usr/bin/cat", "/usr/bin/sleep")
MANY = 1_000
"""Connections of one peer, and of one address; all of the bench's come from one."""


class Bare:
    """Streams of the engine without anything on them."""

    alpn = ALPN

    def __init__(self) -> None:
        self._tasks = TaskSet()

    async def handle(self, connection: Connection, _auth: AuthContext) -> None:
        with contextlib.suppress(StreamError):
            while True:
                self._tasks.spawn(self._answer(await connection.accept_bi()), "bench stream")

    async def _answer(self, stream: Duplex) -> None:
        with contextlib.suppress(StreamError):
            await answer(stream)


class Node:
    """What a node has of it, in this process."""

    def __init__(self, files: Path) -> None:
        self._store = MemoryIdentityStore()
        settings = SshSettings(programs=PROGRAMS, user=pwd.getpwuid(os.geteuid()).pw_name, max_connections=MANY)
        sftp = SftpHandler(self._store, SftpLimits(buckets={"files": BucketSettings(directory=files)}))
        host_key = Ed25519PrivateKey.generate()
        self._ssh = SshHandler(self._store, settings, lambda: host_key, {"sftp": subsystem(sftp, NoJournal())})

    async def start(self, key: asyncssh.SSHKey) -> str:
        """Serve the holder of this key; the port, the pin and the TCP port."""
        scopes, buckets = ("ssh:exec:*", "ssh:sftp", "sftp:*"), {"bucket": ("*",)}
        await self._store.put_peer(
            PeerEntry("peer", (fingerprint_of_key(key) or "",), scopes=scopes, resources=buckets)
        )
        own = NodeKey.generate()
        quic = await QuicListener.bind(HOST, 0, key=own, alpns=[SSH, ALPN])
        tcp = await TcpListener.bind(HOST, 0, SSH, most=MANY, most_of_address=MANY)
        handlers = HandlerRegistry([self._ssh, Bare()])
        self._endpoint = Endpoint(handlers, self._store, EndpointLimits(), [quic, tcp])
        self._running = asyncio.create_task(self._endpoint.run())
        return f"{quic.address[1]} {own.fingerprint} {tcp.address[1]}"


async def start_asyncssh(root: Path, keys: Path) -> int:
    """asyncssh's own server with its own programs and its own SFTP, by the same ciphers; the port."""
    server = await asyncssh.listen(
        HOST,
        0,
        server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
        authorized_client_keys=str(keys),
        encryption_algs=available(CIPHERS, [name.decode() for name in get_encryption_algs()]),
        mac_algs=available(MACS, [name.decode() for name in get_mac_algs()]),
        process_factory=run,
        sftp_factory=partial(asyncssh.SFTPServer, chroot=str(root).encode()),
        encoding=None,
    )
    return int(server.sockets[0].getsockname()[1])


async def run(process: "asyncssh.SSHServerProcess[bytes]") -> None:
    """By hand: its `redirect` breaks its connection where much goes one way."""
    words = (process.command or "").split()
    program = await asyncio.create_subprocess_exec(*words, stdin=PIPE, stdout=PIPE)
    assert program.stdin is not None
    assert program.stdout is not None
    feeding = asyncio.create_task(pump(process.stdin, program.stdin))
    await pump(program.stdout, process.stdout)
    feeding.cancel()
    process.exit(await program.wait())


async def pump(source: Any, target: Any) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(len(CHUNK)):
            target.write(data)
            await target.drain()
        target.write_eof()


async def main(directory: Path) -> None:
    public = directory / "key.pub"
    node, served = Node(directory / "served" / "files"), directory / "served"
    print(await node.start(asyncssh.read_public_key(public)), await start_asyncssh(served, public), flush=True)
    async for word, _ in commands():
        print(resident() if word == "memory" else time.process_time_ns(), flush=True)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    prepare(0)
    asyncio.run(main(Path(sys.argv[1])))
