"""All that one connection of SSH forwards, and the ports and sockets of the node that lead to its client."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import asyncssh

from node.core.access import Decision
from node.core.forwarding.policy import Transport
from node.core.identity import Identity
from node.core.tasks import TaskSet
from node.handlers.ssh.forwarding.channels import Channel, ForwardSession, tcp_channel, unix_channel
from node.handlers.ssh.forwarding.dial import Reached
from node.handlers.ssh.forwarding.errors import Denied, NoPlace, Unreachable
from node.handlers.ssh.forwarding.forward import Forward
from node.handlers.ssh.forwarding.gate import MESSAGE, Gate, Wish
from node.handlers.ssh.forwarding.listen import listen_on_port, listen_on_socket
from node.handlers.ssh.forwarding.listening import Listening
from node.handlers.ssh.forwarding.places import Place
from node.handlers.ssh.forwarding.reach import reach_host, reach_socket, require
from node.handlers.ssh.forwarding.shared import Forwarding
from node.handlers.ssh.holder import Holder

Opening = tuple[Channel, Awaitable[ForwardSession]]

logger = logging.getLogger(__name__)


class Forwards:
    """Of one connection, from its sign-in to its end."""

    def __init__(
        self, shared: Forwarding, ssh: asyncssh.SSHServerConnection, holder: Holder, transport: Transport
    ) -> None:
        self.shared = shared
        self._ssh = ssh
        self._holder = holder
        self._transport = transport
        self._gate = Gate(shared.policy.value, transport, shared.private)
        self._closed = False
        self._tasks = TaskSet()
        self._forwards: set[Forward] = set()
        self._listening: set[Listening] = set()

    # What asyncssh's server is asked

    def connect(self, host: str, port: int) -> Opening:
        """Raises asyncssh.ChannelOpenError."""
        return self._open(tcp_channel, lambda forward: reach_host(self, forward, host, port))

    def connect_unix(self, path: str) -> Opening:
        """The same."""
        return self._open(unix_channel, lambda forward: reach_socket(self, forward, path))

    async def listen(self, host: str, port: int) -> Listening | bool:
        """False where it may not, or cannot."""
        return await self._listen(lambda place: listen_on_port(self, place, host, port))

    async def listen_unix(self, path: str) -> Listening | bool:
        """The same."""
        user = self._holder.settings.user
        return await self._listen(lambda place: listen_on_socket(self, place, path, user))

    # What its connection asks

    def judge(self) -> int:
        """End what the peer has lost the right to; how much that was. The same wish of several is judged once."""
        wishes = {one.wish for one in self._forwards} | {one.wish for one in self._listening}
        gate, identity = self.gate, self._holder.current()
        over = {wish for wish in wishes if _is_over(gate, identity, wish)}
        going = [one for one in self._forwards if one.wish in over]
        closing = [one for one in self._listening if one.wish in over]
        for forward in going:
            forward.end()
        for listening in closing:
            listening.close()
        lost = len(going) + len(closing)
        self.shared.revoked += lost
        return lost

    def close(self) -> None:
        """The connection has ended: so does everything here."""
        self._closed = True
        for listening in tuple(self._listening):
            listening.close()
        for forward in self._forwards:
            forward.end()

    async def finish(self) -> None:
        """Wait for that."""
        self.close()
        await self._tasks.cancel()

    # What is reached or listened on asks

    @property
    def gate(self) -> Gate:
        """By the rules in force."""
        if self._gate.policy is not self.shared.policy.value:
            self._gate = Gate(self.shared.policy.value, self._transport, self.shared.private)
        return self._gate

    def current(self) -> Identity | None:
        return self._holder.current()

    def denied(self, wish: Wish, decision: Decision) -> None:
        self.shared.denied += 1
        facts = {"remote_addr": self._holder.where, "peer_id": self._holder.identity.id, "kind": wish.kind}
        logger.info("forward refused", extra=facts)
        self._holder.denied(wish.kind, decision)

    # Connecting for the client

    def _open(
        self,
        make: Callable[[asyncssh.SSHServerConnection, int], Channel],
        reach: Callable[[Forward], Awaitable[Reached]],
    ) -> Opening:
        try:
            forward, channel = self._forward(make)
        except NoPlace as error:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_RESOURCE_SHORTAGE, str(error)) from None
        forward.begin(self._tasks, self._serve(forward, reach))
        return channel, forward.answered()

    async def _serve(self, forward: Forward, reach: Callable[[Forward], Awaitable[Reached]]) -> None:
        try:
            target = await reach(forward)
        except Denied:
            forward.refuse(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, MESSAGE)
            return
        except Unreachable:
            self.shared.failed += 1
            forward.refuse(asyncssh.OPEN_CONNECT_FAILED, "no connection")
            return
        try:
            forward.allow()
            await forward.session.started.wait()
            await forward.join(target)
        finally:
            target.reset()

    # Connecting to the client

    def accepted(self, listening: Listening, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Judged anew: between the system's word that somebody came and this, rights may have been lost."""
        target = Reached(reader, writer)
        if listening.closed or _is_over(self.gate, self.current(), listening.wish):
            target.reset()
            return
        is_unix = writer.get_extra_info("socket").family == socket.AF_UNIX
        try:
            forward, channel = self._forward(unix_channel if is_unix else tcp_channel)
        except (NoPlace, asyncssh.ChannelOpenError):
            target.reset()
            return
        forward.wish = listening.wish
        peer = () if is_unix else (listening.port, *writer.get_extra_info("peername")[:2])
        forward.begin(self._tasks, self._offer(forward, target, (channel, listening.asked, *peer)))

    async def _offer(self, forward: Forward, target: Reached, offer: tuple[Any, ...]) -> None:
        """A client that does not answer keeps its place until it does, or goes."""
        forward.spawn(self._tasks, self._take(forward, *offer))
        try:
            async with asyncio.timeout(self.shared.settings.accept_timeout):
                await forward.session.started.wait()
            await forward.join(target)
        except TimeoutError:
            self.shared.failed += 1
        finally:
            target.reset()

    async def _take(self, forward: Forward, channel: Any, *offer: Any) -> None:
        try:
            await channel.accept(lambda: forward.session, *offer)
        except asyncssh.ChannelOpenError:
            self.shared.failed += 1
            forward.end()

    # Listening

    async def _listen(self, listen: Callable[[Place], Awaitable[Listening]]) -> Listening | bool:
        try:
            place = self.shared.places.listener(self._holder.identity.id)
        except NoPlace:
            self.shared.full += 1
            return False
        try:
            return self._keep(await listen(place))
        except BaseException as error:
            place.free()
            if not isinstance(error, Denied | Unreachable):
                raise
            self.shared.failed += isinstance(error, Unreachable)
            return False

    def _keep(self, listening: Listening) -> Listening:
        """Judged anew: starting took a moment. Raises Denied where the right, or the connection, was lost meanwhile."""
        try:
            require(self, listening.wish)
            if self._closed:
                raise Denied
        except Denied:
            listening.close()
            raise
        listening.over.append(lambda: self._listening.discard(listening))
        self._listening.add(listening)
        return listening

    def _forward(self, make: Callable[[asyncssh.SSHServerConnection, int], Channel]) -> tuple[Forward, Channel]:
        """Raises NoPlace, and asyncssh.ChannelOpenError."""
        try:
            place = self.shared.places.channel(self._holder.identity.id)
        except NoPlace:
            self.shared.full += 1
            raise
        try:
            channel = make(self._ssh, place.window)
        except asyncssh.ChannelOpenError:
            place.free()
            raise
        forward = Forward(self.shared, channel, self._holder.takes, place)
        self._forwards.add(forward)
        forward.over = lambda: self._forwards.discard(forward)
        return forward, channel


def _is_over(gate: Gate, identity: Identity | None, wish: Wish | None) -> bool:
    return wish is not None and not gate.may(identity, wish).allowed
