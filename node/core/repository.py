"""The store contracts: synchronous reads on the hot path, asynchronous writes on the management path (spec core §9)."""

from abc import ABC, abstractmethod

from node.core.credentials import EncryptedData
from node.core.identity import AuthContext, AuthToken, Identity
from node.core.locks import Lock
from node.core.peers import PeerEntry


class IdentityProvider(ABC):
    """Read side: called on every accepted connection and every request. No I/O, no await, no raise; thread-safe."""

    @abstractmethod
    def resolve_from_fingerprint(self, fingerprint: str) -> Identity | None:
        """The enabled peer that holds this key, or None."""

    @abstractmethod
    def resolve_from_token(self, token: AuthToken) -> Identity | None:
        """The enabled peer with this token, else the unexpired API key, else None."""

    def resolve_peer(self, peer_id: str) -> Identity | None:
        """The enabled peer of this name, or None. It proves nothing: for whoever has been vouched for by this name."""
        return None

    def lock_on(self, auth: AuthContext) -> Lock | None:
        """The lock that holds such a connection back at this moment; a provider that knows no locks has none."""
        return None

    def lock_on_token(self, token: AuthToken) -> Lock | None:
        """The lock because of which a token that is somebody's does not resolve; None where there is no such lock."""
        return None


class IdentityStore(IdentityProvider):
    """Read and write. A write returns after its commit and does not promise that the next read sees it."""

    @abstractmethod
    async def put_peer(self, peer: PeerEntry) -> None:
        """Insert the peer, or replace the whole entry of that name. Raises BackendError on a key held by another."""

    @abstractmethod
    async def update_peer(self, peer_id: str, peer: PeerEntry) -> None:
        """Replace an existing entry; another `peer.peer_id` renames it, in one transaction (decision 8).

        Raises NotFound where `peer_id` is absent, BackendError where the new name or a key is already taken.
        """

    @abstractmethod
    async def remove_peer(self, peer_id: str) -> None:
        """Delete the entry. Raises NotFound where it is absent."""


class CredentialStore(ABC):
    """Sealed credentials by the name of their provider. It moves ciphertext, and never sees a key (spec vault §12)."""

    @abstractmethod
    def get(self, provider: str) -> EncryptedData | None:
        """The provider's credential, or None. From memory: no I/O, no await, no raise; thread-safe."""

    @abstractmethod
    def list_providers(self) -> tuple[str, ...]:
        """Every provider that has a credential, sorted. From memory, like `get`."""

    @abstractmethod
    async def put(self, provider: str, data: EncryptedData) -> None:
        """Insert the credential, or replace it. Raises BackendError, and nothing has changed.

        Returns after the commit, and does not promise that the next `get` sees it.
        """

    @abstractmethod
    async def delete(self, provider: str) -> None:
        """Delete the credential; success where there is none. Raises BackendError."""


def resolve_client(provider: IdentityProvider, auth: AuthContext) -> Identity | None:
    """Who the proven key of a connection belongs to at this moment, under either of its names."""
    for fingerprint in auth.fingerprints:
        if (identity := provider.resolve_from_fingerprint(fingerprint)) is not None:
            return identity
    return None
