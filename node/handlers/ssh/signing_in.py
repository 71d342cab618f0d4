"""How a client signs in: by a key that is a peer's, or by a certificate, and never by more tries than it has.

asyncssh asks about each key that a client names, and again when it has signed with one. So a key that was found good
proves nothing; who it is stands once asyncssh says that the signature is right.
"""

import asyncio
import logging
from collections.abc import Mapping

import asyncssh

from node.core import current
from node.core.identity import AuthContext
from node.core.journal import Event, EventKind, Journal, Json
from node.core.live import Live
from node.core.repository import IdentityProvider
from node.core.text import printable
from node.handlers.ssh.certificates import Certificate, Check, Vouched, have_judged, vouched_by
from node.handlers.ssh.client import Client, Proof
from node.handlers.ssh.dropbear import is_open_to_truncation
from node.handlers.ssh.keys import fingerprint_of_key, shown
from node.handlers.ssh.limits import SshSettings

MAX_USER = 64
"""Characters of a client's user name that are told. It counts for nothing: the key says who it is."""
_TURNS = 2
"""How often a good key is shown to sign in: asked about, then proven. Beyond that it is one more attempt."""

logger = logging.getLogger(__name__)


class SigningIn(Client, asyncssh.SSHServer):
    """Part of a connection's server."""

    def __init__(
        self, auth: AuthContext, provider: IdentityProvider, settings: Live[SshSettings], journal: Journal
    ) -> None:
        super().__init__(auth, provider, settings)
        self.attempts = 0
        self._journal = journal
        self._number = current.connection.get()
        self._user = ""
        self._offered: tuple[Proof, str] | None = None
        """What asyncssh has found good last, and the key as people know it."""
        self._turns = 0
        self._in_vain = ""
        """Why the last key was nobody's, for the journal."""
        self._sent_away = False
        self._expiry: asyncio.TimerHandle | None = None
        self._ssh: asyncssh.SSHServerConnection | None = None

    # What asyncssh's server is asked

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._ssh = conn
        have_judged(conn, self._judge_certificate)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._offered is not None and self._proof is None:
            self._attempt(self._offered[1], "reject")
        if self._in_vain and not self.identity.id:
            self.refused("ssh sign-in", self._in_vain)
        if self._expiry is not None:
            self._expiry.cancel()

    def begin_auth(self, username: str) -> bool:
        self._user = printable(username[:MAX_USER])
        if is_open_to_truncation(self._ssh):
            self.disconnect("this cipher takes strict key exchange")
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
        if offered is None or identity is None or self._sent_away:
            self.disconnect("no peer's key")
            return
        self.identity = identity
        self._attempt(offered[1], "accept")
        self.came_in()

    def came_in(self) -> None:
        """The client has proven who it is."""

    # Its end

    def expire(self) -> None:
        """The certificate by which it has signed in is over."""

    def disconnect(self, words: str) -> None:
        self._sent_away = True
        if self._ssh is not None:
            self._ssh.disconnect(asyncssh.DISC_NO_MORE_AUTH_METHODS_AVAILABLE, words)

    def refused(self, rule: str, message: str) -> None:
        """Tell the journal by which rule the connection is refused."""
        self.tell(EventKind.REFUSED, message, {"rule": rule, "message": message})

    def tell(self, kind: EventKind, reason: str, detail: Mapping[str, Json]) -> None:
        """Tell the journal, of whoever it is by now."""
        who, key = self.proven
        alpn = self._auth.alpn.decode(errors="replace")
        self._journal.record(Event(kind, self._number, who.id or None, key, alpn, self.where or None, reason, detail))

    async def _judge_certificate(self, username: str, certificate: Certificate, check: Check) -> asyncssh.SSHKey | None:
        """The key of a certificate that is good for a peer."""
        vouched = vouched_by(certificate, username, self.settings.cert_authorities)
        known = vouched is not None and vouched.resolve(self._provider) is not None
        key = await check(username, certificate) if known else None
        if key is None:
            self._in_vain = f"the certificate of {shown(certificate.key)} is good for no peer of that user name"
        self._offer(None if key is None else vouched, shown(certificate.key))
        return key

    def _offer(self, good: Proof | None, key: str) -> None:
        """Note what the client has offered. It counts as an attempt where it is nobody's, or comes again and again."""
        self._turns += good is not None
        if good is None or self._turns > _TURNS:
            self._attempt(key, "reject")
            self._count()
        self._offered = None if good is None else (good, key)

    def _prove(self, proof: Proof) -> None:
        """A certificate ends the connection when it ends."""
        self._proof = proof
        if isinstance(proof, Vouched):
            self._expiry = asyncio.get_running_loop().call_later(proof.left, self.expire)

    def _attempt(self, key: str, result: str) -> None:
        facts = {"remote_addr": self.where, "user": self._user, "key_fingerprint": key, "result": result}
        logger.info("auth attempt", extra=facts | ({"peer_id": self.identity.id} if result == "accept" else {}))

    def _count(self) -> None:
        self.attempts += 1
        if self.attempts >= self.settings.max_attempts:
            self._in_vain = "too many keys that are no peer's"
            self.disconnect("too many keys")
