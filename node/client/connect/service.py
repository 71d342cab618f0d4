"""Everything that `alknet connect` runs: local ports, ports on the node, and the tunnel behind both."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from node.client.backoff import Backoff
from node.client.connect.channel import ChannelStream
from node.client.connect.forwards import Forward
from node.client.connect.link import Accept, SshLink
from node.client.connect.tunnel import Dial, Tell, Tunnel
from node.client.local_port import MAX_CONNECTIONS, LocalPort, PortUnavailable, Serve
from node.client.opener import OpenFailed
from node.client.relay import relay, reset
from node.client.socks5.server import SocksLimits, SocksServer
from node.core.address import format_host_port
from node.core.identity import Address
from node.core.socks5.wire import Login
from node.core.tasks import TaskSet

OPENING = SocksLimits().opening
"""Seconds for a channel of a forwarded port, the wait for a connection included."""
DIALLING = 10.0
"""Seconds for a connection from here to the target of a port on the node."""
RELISTEN = (1.0, 30.0)
"""Seconds before the node is asked again for a port that it has refused, at first and at most: the connection that we
have lost may still hold it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be listened for, and where."""

    socks5: Address | None = None
    login: Login | None = None
    forwards: Sequence[Forward] = ()
    remote_forwards: Sequence[Forward] = ()


class ConnectService:
    """Made by the command. `start`, `run`, `drain` and `close`, in that order."""

    def __init__(self, wanted: Wanted, dial: Dial, tell: Tell) -> None:
        self._wanted = wanted
        self._tell = tell
        self._tunnel = Tunnel(dial, tell)
        self._ports: list[LocalPort] = []
        self._tasks = TaskSet()
        """Connections that have come to ports on the node."""
        self._dialling = 0
        """Those whose target is being dialled."""
        self._draining = False

    async def start(self) -> None:
        """Listen here. Raises PortUnavailable; nothing listens then."""
        try:
            if self._wanted.socks5 is not None:
                server = SocksServer(self._tunnel, self._wanted.login)
                await self._listen(self._wanted.socks5, server.serve, "SOCKS5")
            for forward in self._wanted.forwards:
                await self._listen(forward.bind, self._serving(forward.target), "forwarding")
        except PortUnavailable:
            await self.close()
            raise

    async def run(self) -> None:
        """Keep the tunnel until cancelled; what is raised is `Tunnel.run`'s."""
        await self._tunnel.run(self._listen_there)

    async def drain(self, seconds: float) -> bool:
        """Take nothing more, and let what there is come to its end. False if some goes on after so long."""
        self._draining = True
        for port in self._ports:
            port.stop_listening()
        parts = [port.drain(seconds) for port in self._ports]
        return all(await asyncio.gather(self._tasks.drain(seconds), *parts))

    async def close(self) -> None:
        """End everything that is left."""
        for port in self._ports:
            await port.close()
        await self._tasks.cancel()

    async def _listen(self, bind: Address, serve: Serve, what: str) -> None:
        port = await LocalPort.bind(bind, serve)
        self._ports.append(port)
        self._tell(f"{what} on {', '.join(port.addresses)}")

    def _serving(self, target: Address) -> Serve:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                async with asyncio.timeout(OPENING):
                    stream = await self._tunnel.open(*target)
            except OpenFailed:
                reset(writer)
                return
            await relay(reader, writer, stream)

        return serve

    # Ports on the node

    async def _listen_there(self, link: SshLink) -> None:
        async with asyncio.TaskGroup() as group:
            for forward in self._wanted.remote_forwards:
                group.create_task(self._keep_there(link, forward))

    async def _keep_there(self, link: SshLink, forward: Forward) -> None:
        """Have the node listen, asking again where it refuses; in the end all goes with the connection."""
        backoff, told = Backoff(*RELISTEN), False
        where = format_host_port(forward.bind)
        while True:
            try:
                listener = await link.listen(forward.bind, self._accepting(forward.target))
            except OpenFailed:
                if not told:
                    self._tell(f"the node does not listen on {where}: not allowed, or taken; asking again")
                told = True
                await asyncio.sleep(backoff.delay())
            else:
                self._tell(f"the node listens on {format_host_port((forward.bind[0], listener.get_port()))}")
                return

    def _accepting(self, target: Address) -> Accept:
        async def accept(stream: ChannelStream) -> None:
            if self._draining or len(self._tasks) + self._dialling >= MAX_CONNECTIONS:
                raise OpenFailed
            self._dialling += 1
            try:
                reader, writer = await _dial(target)
            finally:
                self._dialling -= 1
            self._tasks.spawn(_join(reader, writer, stream), "port on the node")

        return accept


async def _dial(target: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        async with asyncio.timeout(DIALLING):
            return await asyncio.open_connection(*target)
    except (OSError, UnicodeError):  # the latter of what is no name
        raise OpenFailed from None


async def _join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stream: ChannelStream) -> None:
    if not stream.is_open:  # the connection was lost while the target was dialled
        reset(writer)
        return
    await relay(reader, writer, stream)
