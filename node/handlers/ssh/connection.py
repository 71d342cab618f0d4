"""One connection of SSH: signing in by a key, and the sessions and forwards of the peer that holds it."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import asyncssh

from node.core import current
from node.core.access import Decision
from node.core.address import format_host_port
from node.core.connection import CLOSE_REVOKED, Connection
from node.core.forwarding.policy import Transport
from node.core.identity import AuthContext, Identity
from node.core.index import PeerIndex, Standing
from node.core.journal import Event, EventKind, Journal, Json
from node.core.live import Live
from node.core.repository import IdentityProvider
from node.core.tasks import TaskSet
from node.core.text import printable
from node.handlers.call.denials import Denials
from node.handlers.ssh.certificates import Certificate, Check, Vouched, have_judged, vouched_by
from node.handlers.ssh.channel import SessionChannel, window_of
from node.handlers.ssh.dropbear import is_open_to_truncation
from node.handlers.ssh.forwarding.asked import ForwardsAsked
from node.handlers.ssh.forwarding.forwards import Forwards
from node.handlers.ssh.forwarding.shared import Forwarding
from node.handlers.ssh.keys import fingerprint_of_key, shown
from node.handlers.ssh.limits import SshSettings
from node.handlers.ssh.session import Session, Subsystem

MAX_USER = 64
"""Characters of a client's user name that are told. It counts for nothing: the key says who it is."""
_TURNS = 2
"""How often a good key is shown to sign in: asked about, then proven. Beyond that it is one more attempt."""

logger = logging.getLogger(__name__)


class SshConnection(ForwardsAsked):
    """asyncssh asks this one. `identity` stands once the client has proven a key that is a peer's."""

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
        self._settings = settings
        self.subsystems = subsystems
        self.identity = Identity("")
        self.fingerprint: str | None = None
        """The key that was proven, as the table of peers names it; None where a certificate was."""
        self._vouched: Vouched | None = None
        """What that certificate says."""
        self.takes = asyncio.Event()
        self.ended = asyncio.Event()
        """Set once asyncssh has let go of the connection."""
        self.signed_in: Callable[[], None] = lambda: None
        self.sessions: set[Session] = set()
        self.attempts = 0
        self._connection = connection
        self._auth = auth
        self._provider = provider
        self._journal = journal
        self._admit = admit
        self._forwarding = forwarding
        self._tasks = TaskSet()
        self._user = ""
        self._offered: tuple[str | Vouched, str] | None = None
        """What asyncssh has found good last, and the key as people know it."""
        self._expiry: asyncio.TimerHandle | None = None
        self._turns = 0
        self._in_vain = ""
        """Why the last key was nobody's, for the journal."""
        self._windows: dict[Session, int] = {}
        self._denials: Denials | None = None
        self._ssh: asyncssh.SSHServerConnection | None = None
        self._begun = time.monotonic()
        self._number = current.connection.get()

    # asyncssh's server

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._ssh = conn
        have_judged(conn, self._judge_certificate)
        logger.info("connection opened", extra={"remote_addr": self.where})

    def connection_lost(self, exc: Exception | None) -> None:
        if self._offered is not None and self.fingerprint is None and self._vouched is None:
            self._attempt(self._offered[1], "reject")
        if self._in_vain and not self.identity.id:
            self._refused(self._in_vain)
        if self._expiry is not None:
            self._expiry.cancel()
        self.close_forwards()
        self.ended.set()
        facts = {"remote_addr": self.where, "duration": round(time.monotonic() - self._begun, 3)}
        logger.info("connection closed", extra=facts | {"peer_id": self.identity.id or None, "error": _kind(exc)})

    def begin_auth(self, username: str) -> bool:
        self._user = printable(username[:MAX_USER])
        if is_open_to_truncation(self._ssh):
            self._disconnect("this cipher takes strict key exchange")
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Whether the key is a peer's. It proves nothing yet: who only asks has no signature."""
        name = fingerprint_of_key(key)
        known = name is not None and self._provider.resolve_from_fingerprint(name) is not None
        if not known:
            self._in_vain = f"no peer has the key {shown(key)}" if name else f"{shown(key)} is not an Ed25519 key"
        self._offer(name if known else None, shown(key))
        return known

    def validate_ca_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """asyncssh asks within `_judge_certificate`, which has asked the same of the certificate."""
        return fingerprint_of_key(key) in self.settings.cert_authorities

    def auth_completed(self) -> None:
        """asyncssh has checked a signature of the key that it validated last."""
        offered, identity = self._offered, None
        if offered is not None:
            self._prove(offered[0])
            identity = self.current()
        if offered is None or identity is None:
            self._disconnect("no peer's key")
            return
        self.identity = identity
        self._denials = Denials(self._journal, self._signed)
        self._attempt(offered[1], "accept")
        if not self._admit(self):
            self._disconnect("this peer has too many connections")
            return
        self._connection.keep_alive()
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

    @property
    def settings(self) -> SshSettings:
        """Those in force."""
        return self._settings.value

    def current(self) -> Identity | None:
        """Who holds the proven key at this moment."""
        if self._vouched is not None:
            return self._vouched.resolve(self._provider)
        return None if self.fingerprint is None else self._provider.resolve_from_fingerprint(self.fingerprint)

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

    @property
    def auth(self) -> AuthContext:
        """As for the rules of locks: the peer is the one whose key was proven here, not in the handshake below."""
        vouched = None if self._vouched is None else self.identity
        key = self.fingerprint
        return replace(self._auth, identity=vouched, tls_client_fingerprint=key, alternative_fingerprint=None)

    def standing(self, index: PeerIndex) -> Standing:
        """How the connection stands by its key, or by its certificate, which takes an enabled peer of that name."""
        if self._vouched is not None and index.identity_of(self.identity.id) is not None:
            return Standing.GOOD
        return index.standing(self.identity.id, (self.fingerprint or "",))

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

    def close(self, code: int, reason: str) -> None:
        """End the connection at once, on the node's word, and what runs for it by force."""
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

    async def _judge_certificate(self, username: str, certificate: Certificate, check: Check) -> asyncssh.SSHKey | None:
        """The key of a certificate that is good for a peer."""
        vouched = vouched_by(certificate, username, self.settings.cert_authorities)
        known = vouched is not None and vouched.resolve(self._provider) is not None
        key = await check(username, certificate) if known else None
        if key is None:
            self._in_vain = f"the certificate of {shown(certificate.key)} is good for no peer of that user name"
        self._offer(None if key is None else vouched, shown(certificate.key))
        return key

    def _offer(self, good: str | Vouched | None, key: str) -> None:
        """Note what the client has offered. It counts as an attempt where it is nobody's, or comes again and again."""
        self._turns += good is not None
        if good is None or self._turns > _TURNS:
            self._attempt(key, "reject")
            self._count()
        self._offered = None if good is None else (good, key)

    def _prove(self, proven: str | Vouched) -> None:
        """A certificate ends the connection when it ends."""
        if isinstance(proven, str):
            self.fingerprint = proven
            return
        self._vouched = proven
        ended = (CLOSE_REVOKED, "revoked: the certificate has ended")
        self._expiry = asyncio.get_running_loop().call_later(proven.left, self.close, *ended)

    @property
    def _signed(self) -> AuthContext:
        return replace(self.auth, identity=self.identity)

    @property
    def where(self) -> str:
        """The client's address, for the log."""
        address = self._auth.remote_addr
        return "" if address is None else format_host_port(address)

    def _attempt(self, key: str, result: str) -> None:
        facts = {"remote_addr": self.where, "user": self._user, "key_fingerprint": key, "result": result}
        logger.info("auth attempt", extra=facts | ({"peer_id": self.identity.id} if result == "accept" else {}))

    def _count(self) -> None:
        self.attempts += 1
        if self.attempts >= self.settings.max_attempts:
            self._in_vain = "too many keys that are no peer's"
            self._disconnect("too many keys")

    def _told_ended(self, reason: str, sessions: int, forwards: int) -> int:
        """Tell the journal how many of each a change has ended, if any; how many in all."""
        if sessions or forwards:
            detail: dict[str, Json] = {"change": "rights over SSH", "sessions": sessions, "forwards": forwards}
            alpn, key = self._auth.alpn.decode(errors="replace"), self.fingerprint
            who = (self._number, self.identity.id, key, alpn, self.where or None)
            self._journal.record(Event(EventKind.ENFORCED, *who, reason, detail))
        return sessions + forwards

    def _refused(self, reason: str) -> None:
        detail = {"rule": "ssh sign-in", "message": reason}
        at, alpn = self.where or None, self._auth.alpn.decode(errors="replace")
        self._journal.record(Event(EventKind.REFUSED, alpn=alpn, address=at, reason=reason, detail=detail))

    def _disconnect(self, words: str) -> None:
        if self._ssh is not None:
            self._ssh.disconnect(asyncssh.DISC_NO_MORE_AUTH_METHODS_AVAILABLE, words)


def _kind(error: Exception | None) -> str | None:
    """What kind of error ended a connection: its words may hold what a client has sent."""
    return None if error is None else type(error).__name__
