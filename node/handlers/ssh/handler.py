"""The protocol handler of `alknet/ssh`."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.core import current
from node.core.connection import CLOSE_LOCKED, CLOSE_REVOKED, BiStream, Connection
from node.core.identity import AuthContext
from node.core.index import IndexSwap
from node.core.journal import Journal, NoJournal
from node.core.live import Live, live
from node.core.lock_provider import LockSwap
from node.core.metrics import counters, gauges
from node.core.repository import IdentityProvider
from node.core.stream_transport import StreamTransport
from node.handlers.ssh.acceptor import Acceptor, open_acceptor, require_shape
from node.handlers.ssh.connection import SshConnection
from node.handlers.ssh.connections import Connections
from node.handlers.ssh.errors import NoHostKey
from node.handlers.ssh.forwarding.shared import Forwarding
from node.handlers.ssh.guarded import Guarded
from node.handlers.ssh.limits import SshSettings
from node.handlers.ssh.subsystem import Subsystem

ALPN = b"alknet/ssh"
PARTING = 2.0
"""Seconds that a client's transport has to take the last words."""
READING = 0.2
"""Seconds that the client has to read them, before the connection below is closed."""

MEANINGS = {
    **gauges(
        connections="Connections that have signed in.",
        waiting="Connections that have not signed in yet.",
        sessions="Sessions that run something.",
    ),
    **counters(
        busy="Connections that were closed since too many had not signed in, or there was no host key.",
        rejected="Keys that were offered and are no peer's.",
        revoked="Connections, sessions and forwards that a change of rights or a lock has ended.",
    ),
}

logger = logging.getLogger(__name__)


class SshHandler:
    """Serves every connection of `alknet/ssh`. Subscribe `enforce` and `enforce_locks` to the store."""

    alpn = ALPN

    def __init__(
        self,
        provider: IdentityProvider,
        settings: SshSettings | Live[SshSettings],
        host_key: Callable[[], Ed25519PrivateKey],
        subsystems: Mapping[str, Subsystem] | None = None,
        journal: Journal | None = None,
        forwarding: Forwarding | None = None,
    ) -> None:
        """`host_key` raises NoHostKey while there is none. Without `forwarding` nothing is forwarded.

        Raises ShapeChanged where asyncssh is another.
        """
        require_shape()
        self._provider = provider
        self._settings = live(settings)
        self._host_key = host_key
        self._subsystems = subsystems or {}
        self._journal = journal or NoJournal()
        self._forwarding = forwarding
        self._acceptor: tuple[SshSettings, Acceptor] | None = None
        self._key: Ed25519PrivateKey | None = None
        self._connections = Connections()
        self._busy = self._revoked = 0

    def snapshot(self) -> dict[str, int]:
        return {**self._connections.snapshot(), "busy": self._busy, "revoked": self._revoked}

    async def handle(self, connection: Connection, auth: AuthContext) -> None:
        settings = self._settings.value
        if not self._connections.has_room(auth.remote_addr, settings.max_waiting):
            self._turn_away("too many connections have not signed in")
            return
        try:
            acceptor = await self._ready(settings)
        except NoHostKey as error:
            self._turn_away(str(error))
            return
        served = SshConnection(
            connection,
            auth,
            self._provider,
            self._settings,
            self._subsystems,
            self._journal,
            self._connections.admit,
            self._forwarding,
        )
        self._connections.add(served, auth.remote_addr)
        try:
            async with asyncio.timeout(settings.login_timeout):
                stream = await connection.accept_bi()
            await self._serve(acceptor, served, stream, connection)
        except TimeoutError:
            logger.info("no stream was opened in time", extra={"remote_addr": auth.remote_addr})
        finally:
            self._connections.remove(served)

    def enforce(self, swap: IndexSwap) -> None:
        """End what peers have lost the right to. Neither blocks nor raises."""
        for served in self._connections.of(swap.changed):
            self._judge(served, CLOSE_REVOKED, served.standing(swap.new).value)

    def enforce_locks(self, swap: LockSwap) -> None:
        """The same of what is locked."""
        for served in self._connections.of(None):
            lock = self._provider.lock_on(served.auth)
            self._judge(served, CLOSE_LOCKED, "" if lock is None else lock.words)

    def enforce_policy(self) -> None:
        """End what the rules of forwarding, as they are now, no longer allow. Neither blocks nor raises."""
        ended = sum(served.judge_by_rules() for served in self._connections.of(None))
        self._revoked += ended
        if ended:
            logger.info("enforced", extra={"reason": "revoked: rules of forwarding", "ended": ended})

    async def _serve(self, acceptor: Acceptor, served: SshConnection, stream: BiStream, connection: Connection) -> None:
        address = connection.remote_addr

        def connect(ssh: asyncio.Protocol) -> StreamTransport:
            guarded = Guarded(ssh)
            served.takes = guarded.writable
            served.signed_in = guarded.let_in
            return StreamTransport.attach(stream, guarded, peername=address)

        transport = acceptor.connection(served, connect)
        try:
            await served.ended.wait()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(transport.wait_closed(), PARTING)
                await asyncio.wait_for(connection.wait_closed(), READING)
        finally:
            transport.abort()
            await served.finish()

    async def _ready(self, settings: SshSettings) -> Acceptor:
        """What makes connections by these settings. Raises NoHostKey."""
        if self._acceptor is None or self._acceptor[0] != settings:
            self._acceptor = (settings, await open_acceptor(self._key_at_hand(), settings))
        return self._acceptor[1]

    def _key_at_hand(self) -> Ed25519PrivateKey:
        """The host key, be it the last that was to be had: a change of settings needs none. Raises NoHostKey."""
        try:
            self._key = self._host_key()
        except NoHostKey:
            if self._key is None:
                raise
        return self._key

    def _judge(self, served: SshConnection, code: int, reason: str) -> None:
        identity = served.current()
        if identity is not None and identity.id == served.identity.id and not reason:
            ended = served.judge()
        else:
            ended = 1
            served.close(code, reason or "revoked")
        self._revoked += ended
        if ended:
            facts = {"peer_id": served.identity.id, "reason": reason or "revoked: scope", "ended": ended}
            logger.info("enforced", extra=facts)

    def _turn_away(self, reason: str) -> None:
        self._busy += 1
        logger.warning("connection refused", extra={"alpn": ALPN.decode(), "reason": reason, **current.facts()})
