"""Who a client of SSH has proven to be, and what that is worth at this moment."""

from dataclasses import replace

from node.core.address import format_host_port
from node.core.connection import Proven
from node.core.identity import AuthContext, Identity
from node.core.index import PeerIndex, Standing
from node.core.live import Live
from node.core.repository import IdentityProvider
from node.handlers.ssh.certificates import Vouched
from node.handlers.ssh.limits import SshSettings


class Client:
    """`identity` stands once the client has proven a key that is a peer's, or a certificate of one."""

    def __init__(self, auth: AuthContext, provider: IdentityProvider, settings: Live[SshSettings]) -> None:
        self.identity = Identity("")
        self._auth = auth
        self._provider = provider
        self._settings = settings
        self._fingerprint: str | None = None
        """The key that was proven, as the table of peers names it; None where a certificate was."""
        self._vouched: Vouched | None = None
        """What that certificate says."""

    @property
    def settings(self) -> SshSettings:
        """Those in force."""
        return self._settings.value

    @property
    def where(self) -> str:
        """The client's address, for the log."""
        address = self._auth.remote_addr
        return "" if address is None else format_host_port(address)

    @property
    def auth(self) -> AuthContext:
        """As for the rules of locks: the peer is the one whose key was proven here, not in the handshake below."""
        vouched, key = None if self._vouched is None else self.identity, self._fingerprint
        return replace(self._auth, identity=vouched, tls_client_fingerprint=key, alternative_fingerprint=None)

    @property
    def signed(self) -> AuthContext:
        """As for the journal: who it is, by the key that it has shown, though only a certificate may speak for that."""
        return replace(self.auth, identity=self.identity, tls_client_fingerprint=self._shown_key)

    @property
    def proven(self) -> Proven:
        """The same for the list of connections."""
        return Proven(self.identity, self._shown_key)

    def current(self) -> Identity | None:
        """Who holds the proven key at this moment."""
        if self._vouched is not None:
            return self._vouched.resolve(self._provider)
        return None if self._fingerprint is None else self._provider.resolve_from_fingerprint(self._fingerprint)

    def standing(self, index: PeerIndex) -> Standing:
        """How the connection stands by its key, or by its certificate, which takes an enabled peer of that name."""
        if self._vouched is not None and index.identity_of(self.identity.id) is not None:
            return Standing.GOOD
        return index.standing(self.identity.id, (self._fingerprint or "",))

    @property
    def _has_proven(self) -> bool:
        return self._fingerprint is not None or self._vouched is not None

    @property
    def _shown_key(self) -> str | None:
        return self._fingerprint if self._vouched is None else self._vouched.fingerprint
