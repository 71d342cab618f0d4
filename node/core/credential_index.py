"""The sealed credentials in memory: what a store answers from, and how others learn that it changed.

The map is immutable and swapped as a whole, so a reader in any thread sees the credentials of one moment.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from node.core.credentials import EncryptedData, InvalidCredential, check_provider, encrypted_data
from node.core.errors import BackendError
from node.core.repository import CredentialStore
from node.core.sharded import ShardedMap

Credentials = ShardedMap[EncryptedData]
"""Every sealed credential by its provider."""


@dataclass(frozen=True, slots=True)
class CredentialSwap:
    """One change of the credentials, told to subscribers after it took effect.

    `changed` names the providers that may differ (None: any may). `committed_at` is the writer's clock in unix seconds
    at the last row that the swap contains, where the notification told it; `swapped_at` is ours.
    """

    old: Credentials
    new: Credentials
    changed: frozenset[str] | None
    committed_at: float | None
    swapped_at: float


class CredentialProvider(CredentialStore):
    """The reading half: a read is one attribute load and one dict lookup; a publish swaps the whole map."""

    def __init__(self) -> None:
        self.credentials: Credentials = ShardedMap()
        self._credential_subscribers: list[Callable[[CredentialSwap], None]] = []

    def get(self, provider: str) -> EncryptedData | None:
        return self.credentials.get(provider)

    def list_providers(self) -> tuple[str, ...]:
        return tuple(sorted(self.credentials))

    def subscribe_credentials(self, callback: Callable[[CredentialSwap], None]) -> None:
        """Call `callback` on the loop after every later swap. It must not block and must not raise."""
        self._credential_subscribers.append(callback)

    def publish_credentials(
        self, credentials: Credentials, changed: frozenset[str] | None = None, committed_at: float | None = None
    ) -> None:
        """Make `credentials` current, then tell the subscribers."""
        swap = CredentialSwap(self.credentials, credentials, changed, committed_at, time.time())
        self.credentials = credentials
        for callback in self._credential_subscribers:
            callback(swap)


class InMemoryCredentialStore(CredentialProvider):
    """Everything in memory: a write takes effect before it returns, and is lost at the end (spec core §9)."""

    def __init__(self, seed: Mapping[str, EncryptedData] | None = None) -> None:
        """`seed` holds the first credentials. Raises BackendError where one of them is none."""
        super().__init__()
        checked = {provider: checked_credential(provider, data) for provider, data in (seed or {}).items()}
        self.credentials = self.credentials.patched(checked)

    async def put(self, provider: str, data: EncryptedData) -> None:
        self._apply({provider: checked_credential(provider, data)})

    async def delete(self, provider: str) -> None:
        self._apply({provider: None})

    def _apply(self, changes: Mapping[str, EncryptedData | None]) -> None:
        self.publish_credentials(self.credentials.patched(changes), frozenset(changes))


def checked_credential(provider: str, data: EncryptedData) -> EncryptedData:
    """The credential, as every reader could read it back. Raises BackendError: what a store refuses to write."""
    if wrong := check_provider(provider):
        raise BackendError(" ".join(wrong))
    try:
        return encrypted_data(data.key_version, data.salt, data.iv, data.data)
    except InvalidCredential as error:
        raise BackendError(str(error)) from None
