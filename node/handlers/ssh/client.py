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

Proof = str | Vouched
"""A key that is a peer's, as the table of peers names it; or what a certificate of one says."""


class Client:
    """`identity` stands once the client has proven a key that is a peer's, or a certificate of one."""

    def __init__(self, auth: AuthContext, provider: IdentityProvider, settings: Live[SshSettings]) -> None:
        self.identity = Identity("")
        self._auth = auth
        self._provider = provider
        self._settings = settings
        self._proof: Proof | None = None

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
        vouched = self.identity if isinstance(self._proof, Vouched) else None
        return replace(self._auth, identity=vouched, tls_client_fingerprint=self._key, alternative_fingerprint=None)

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
        if isinstance(self._proof, Vouched):
            return self._proof.resolve(self._provider)
        return None if self._proof is None else self._provider.resolve_from_fingerprint(self._proof)

    def standing(self, index: PeerIndex) -> Standing:
        """How the connection stands by its key, or by its certificate, which takes an enabled peer of that name."""
        if isinstance(self._proof, Vouched) and index.identity_of(self.identity.id) is not None:
            return Standing.GOOD
        return index.standing(self.identity.id, (self._key or "",))

    @property
    def _key(self) -> str | None:
        """The key, where it was proven by itself."""
        return self._proof if isinstance(self._proof, str) else None

    @property
    def _shown_key(self) -> str | None:
        return self._proof.fingerprint if isinstance(self._proof, Vouched) else self._proof
