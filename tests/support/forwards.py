"""What SSH forwards to and from in tests: small servers, rules, and a node with a peer that has every scope for it."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

from node.core.forwarding.notation import parse_pattern
from node.core.forwarding.policy import Action, ForwardingPolicy, Rule
from node.core.live import Live
from node.handlers.ssh.forwarding.limits import ForwardingSettings
from node.handlers.ssh.forwarding.listening import Listening
from node.handlers.ssh.forwarding.shared import Forwarding
from tests.support.ssh import SshNode, ssh_node

EVERYWHERE = ("ssh:forward:*:*", "ssh:listen:*:*", "ssh:forward-unix:*", "ssh:listen-unix:*")
MUCH = 1 << 20
LOOPBACK = ("127.0.0.0/8", "::1")


def rules(*patterns: str) -> ForwardingPolicy:
    """These are allowed, or refused where they begin with `!`, in this order; and nothing else."""
    made = [
        Rule(parse_pattern(text.removeprefix("!")), Action.DENY if text.startswith("!") else Action.ALLOW, rule_id=text)
        for text in patterns
    ]
    return ForwardingPolicy(Action.DENY, tuple(made))


class ForwardNode:
    """`policy` is what `rule` replaces, as the node's assembly does."""

    def __init__(self, node: SshNode, policy: Live[ForwardingPolicy], forwarding: Forwarding) -> None:
        self.node, self._policy, self.forwarding = node, policy, forwarding

    def rule(self, *patterns: str) -> None:
        self._policy.value = rules(*patterns)
        self.node.handler.enforce_policy()

    def forwarding_listeners(self) -> list[Listening]:
        """Of all connections."""
        served = self.node.handler._connections.of(None)
        return [listening for one in served if one.forwards for listening in one.forwards._listening]

    def count(self, name: str) -> int:
        return self.forwarding.snapshot()[name]


@contextlib.asynccontextmanager
async def forward_node(
    *patterns: str, scopes: tuple[str, ...] = EVERYWHERE, more: dict[str, Any] | None = None, **settings: Any
) -> AsyncIterator[ForwardNode]:
    """`patterns` are the rules; `more` is what Forwarding takes besides."""
    policy = Live(rules(*patterns))
    forwarding = Forwarding(policy, ForwardingSettings(**settings), **(more or {}))
    async with ssh_node(scopes=("ssh:exec:*", *scopes), forwarding=forwarding) as node:
        yield ForwardNode(node, policy, forwarding)


class Server:
    """Answers all that it got, twice, once it has got it to its end; much is answered by its length alone.

    `seen` has what each connection brought, or that it broke.
    """

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.come = 0
        self.open = 0
        self.port = 0
        self.reads = asyncio.Event()
        self.reads.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.come += 1
        self.open += 1
        whole = bytearray()
        try:
            await self.reads.wait()
            while data := await reader.read(65_536):
                whole += data
            writer.write(bytes(whole) * 2 if len(whole) < MUCH else b"%d" % len(whole))
            await writer.drain()
        except OSError:
            whole = bytearray(b"broken")
        finally:
            self.seen.append(bytes(whole))
            self.open -= 1
            writer.close()


@contextlib.asynccontextmanager
async def doubling(path: str = "") -> AsyncIterator[Server]:
    """A server on a free port of the loopback, or at a path."""
    served = Server()
    if path:
        server: asyncio.Server = await asyncio.start_unix_server(served.serve, path)
    else:
        sock = socket.socket()
        sock.setsockopt(
            socket.SOL_SOCKET, socket.SO_RCVBUF, 32_768
        )  # the kernel would take megabytes for who reads not
        sock.bind(("127.0.0.1", 0))
        server = await asyncio.start_server(served.serve, sock=sock, backlog=300)
        served.port = sock.getsockname()[1]
    try:
        yield served
    finally:
        server.close()


async def ask(reader: Any, writer: Any, data: bytes = b"ping") -> bytes:
    """Send all, and our end; what comes back to the other's end."""
    writer.write(data)
    writer.write_eof()
    answer: bytes = await reader.read()
    writer.close()
    return answer
