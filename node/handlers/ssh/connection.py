"""One connection of SSH: the sessions and forwards of the peer that has signed in, from its first byte to its end."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

import asyncssh

from node.core.access import Decision
from node.core.connection import CLOSE_REVOKED, Connection
from node.core.forwarding.policy import Transport
from node.core.identity import AuthContext
from node.core.journal import EventKind, Journal
from node.core.live import Live
from node.core.repository import IdentityProvider
from node.core.tasks import TaskSet
from node.handlers.call.denials import Denials
from node.handlers.ssh.channel import SessionChannel, window_of
from node.handlers.ssh.forwarding.asked import ForwardsAsked
from node.handlers.ssh.forwarding.forwards import Forwards
from node.handlers.ssh.forwarding.shared import Forwarding
from node.handlers.ssh.limits import SshSettings
from node.handlers.ssh.session import Session
from node.handlers.ssh.signing_in import SigningIn
from node.handlers.ssh.subsystem import Subsystem

_TOO_MANY = "this peer has too many connections"

logger = logging.getLogger(__name__)


class SshConnection(SigningIn, ForwardsAsked):
    """asyncssh asks this one."""

    def __init__(
        self,
        connection: Connection,
        auth: AuthContext,
        provider: IdentityProvider,
        settings: Live[SshSettings],
        subsystems: Mapping[str, Subsystem],
        journal: Journal,
        admit: Callable[["SshConnection"], bool],
        forwarding: Forwarding | None = None,
    ) -> None:
        """`admit` is asked once, when the client has signed in: False where its peer has too many connections.

        Without `forwarding` nothing is forwarded.
        """
        super().__init__(auth, provider, settings, journal)
        self.subsystems = subsystems
        self.takes = asyncio.Event()
        self.ended = asyncio.Event()
        """Set once asyncssh has let go of the connection."""
        self.signed_in: Callable[[], None] = lambda: None
        self.sessions: set[Session] = set()
        self._connection = connection
        self._admit = admit
        self._forwarding = forwarding
        self._tasks = TaskSet()
        self._windows: dict[Session, int] = {}
        self._denials: Denials | None = None
        self._begun = time.monotonic()

    # asyncssh's server

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        super().connection_made(conn)
        logger.info("connection opened", extra={"remote_addr": self.where})

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.close_forwards()
        self.ended.set()
        facts = {"remote_addr": self.where, "duration": round(time.monotonic() - self._begun, 3)}
        logger.info("connection closed", extra=facts | {"peer_id": self.identity.id or None, "error": _kind(exc)})

    def came_in(self) -> None:
        if not self._admit(self):
            self.refused("ssh.max_connections", _TOO_MANY)
            self.disconnect(_TOO_MANY)
            return
        self._connection.set_identity(*self.proven)
        self._connection.keep_alive()
        self._denials = Denials(self._journal, self.signed)
        if self._forwarding is not None and self._ssh is not None:
            transport = Transport(self._connection.transport)
            self.forwards = Forwards(self._forwarding, self._ssh, self, transport)
        self.signed_in()

    def session_requested(self) -> tuple[SessionChannel, Session]:
        others = self.settings.max_sessions - len(self._windows) - 1
        window = window_of(self.settings.max_in_flight - sum(self._windows.values()), others)
        if self._ssh is None or not window or others < 0:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_RESOURCE_SHORTAGE, "too many sessions")
        channel = SessionChannel(self._ssh, window)
        session = Session(self, channel)
        self._windows[session] = window
        return channel, session

    # What its sessions and forwards ask

    def denied(self, asked: str, decision: Decision) -> None:
        if self._denials is not None:
            self._denials.tell(f"ssh {asked}", self.identity, decision)

    def spawn(self, session: Session) -> "asyncio.Task[None]":
        self.sessions.add(session)
        return self._tasks.spawn(session.run(), "ssh session")

    def over(self, session: Session) -> None:
        self.sessions.discard(session)
        self._windows.pop(session, None)

    # What its handler asks

    def judge(self) -> int:
        """End the sessions and forwards whose scope the peer has lost; how many there were."""
        identity = self.current()
        if identity is None:
            return 0
        sessions = sum(session.judge(identity) for session in tuple(self.sessions))
        return self._told_ended("revoked: scope", sessions, self.judge_forwards())

    def judge_by_rules(self) -> int:
        """End the forwards that the rules no longer allow; how many there were."""
        return self._told_ended("revoked: rules of forwarding", 0, self.judge_forwards())

    def expire(self) -> None:
        self.close(CLOSE_REVOKED, "revoked: the certificate has ended")

    def close(self, code: int, reason: str) -> None:
        """End the connection at once, on the node's word, and what runs for it by force."""
        self._sent_away = True
        for session in self.sessions:
            session.kill()
        self.close_forwards()
        self._connection.close(code, reason)
        if self._ssh is not None:
            self._ssh.abort()

    async def finish(self) -> None:
        """Wait until everything that ran for the connection has ended."""
        await self._tasks.cancel()
        await self.finish_forwards()
        if self._denials is not None:
            self._denials.close()

    def _told_ended(self, reason: str, sessions: int, forwards: int) -> int:
        """Tell the journal how many of each a change has ended, if any; how many in all."""
        if sessions or forwards:
            self.tell(
                EventKind.ENFORCED, reason, {"change": "rights over SSH", "sessions": sessions, "forwards": forwards}
            )
        return sessions + forwards


def _kind(error: Exception | None) -> str | None:
    """What kind of error ended a connection: its words may hold what a client has sent."""
    return None if error is None else type(error).__name__
