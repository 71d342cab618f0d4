"""The credentials that handlers may use: opened, kept right while anything changes, and taken back (spec vault §11).

The only place where sealed becomes open. What opens is a callable of the assembly's: neither a handler nor this module
knows the vault. A handler is given the secrets that the settings name for its protocol, and nothing that leads to more.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from node.core.capabilities import NO_CAPABILITIES, Capabilities, Secret
from node.core.credential_index import CredentialProvider, CredentialSwap
from node.core.credentials import EncryptedData
from node.core.live import Live
from node.core.locks import Lock
from node.core.metrics import gauges

OpenSealed = Callable[[EncryptedData], str]
"""Gives the text of a sealed credential, or raises whatever it likes: nothing of that is told to anybody."""
LockOn = Callable[[str], Lock | None]
"""The lock that holds a provider's credential back at this moment."""
Named = Mapping[str, tuple[str, ...]]
"""The providers that each protocol may use, by its ALPN."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Opened:
    """A sealed credential, and what was in it; None where it cannot be opened."""

    sealed: EncryptedData
    secret: Secret | None


MEANINGS = gauges(
    stored="Sealed credentials in the database.",
    opened="Of those, credentials that are open for handlers.",
    cannot_be_opened="Of those that the settings name, credentials that cannot be opened.",
)


class OpenedCredentials:
    """Follows the store by itself. Whoever changes the settings, a lock, or locks or unlocks the vault calls `refresh`.

    A credential is opened again only when its row changed, or after a lock, and one that was sealed anew with the same
    content stays the secret that it was. One that is removed, locked, or no longer named, is wiped at once, under the
    hands of a call that uses it; one that was replaced lives until the last call that was given it has ended.
    """

    def __init__(
        self,
        store: CredentialProvider,
        named: Live[Named],
        open_sealed: OpenSealed,
        unlocked: Callable[[], bool],
        lock_on: LockOn = lambda _: None,
    ) -> None:
        self._store = store
        self._named = named
        self._open_sealed = open_sealed
        self._unlocked = unlocked
        self._lock_on = lock_on
        self._opened: dict[str, _Opened] = {}
        self._handed: dict[str, dict[str, Secret]] = {}
        self._live: dict[str, Live[Capabilities]] = {}
        self._told: dict[str, EncryptedData] = {}
        self._closed = False
        store.subscribe_credentials(self._follow)

    def capabilities(self, alpn: str) -> Live[Capabilities]:
        """What the handler of this protocol may use, now and later."""
        if alpn not in self._live:
            self._live[alpn] = Live(NO_CAPABILITIES)
            self.refresh()
        return self._live[alpn]

    def refresh(self) -> None:
        """Bring everything to what the store, the settings and the vault say now. Never raises."""
        if self._closed or not self._unlocked():
            self._take_back()
            return
        wanted = self._wanted()
        for provider in self._opened.keys() - wanted:
            self._drop(provider)
        for provider in sorted(wanted):
            self._look(provider)
        for alpn in self._live:
            self._hand_out(alpn)

    def close(self) -> None:
        """Wipe every secret, and open none any more. Harmless when repeated."""
        self._closed = True
        self._take_back()

    def waiting(self) -> list[str]:
        """What handlers go without, in sentences for people; names of providers, and nothing of what is in them."""
        return [
            f"{alpn} goes without the credential “{provider}”: {reason}"
            for alpn, providers in sorted(self._named.value.items())
            for provider in providers
            if (reason := self._missing(provider))
        ]

    def snapshot(self) -> dict[str, int]:
        """Numbers for the metrics: sealed credentials in the store, those open for handlers, those that cannot be."""
        opened = sum(found.secret is not None for found in self._opened.values())
        unopened = len(self._opened) - opened
        return {"stored": len(self._store.credentials), "opened": opened, "cannot_be_opened": unopened}

    def _wanted(self) -> set[str]:
        return {provider for providers in self._named.value.values() for provider in providers}

    def _follow(self, swap: CredentialSwap) -> None:
        if swap.changed is None or not swap.changed.isdisjoint(self._wanted()):
            self.refresh()

    def _look(self, provider: str) -> None:
        """Open the credential if it is another than before."""
        sealed, known = self._store.get(provider), self._opened.get(provider)
        if sealed is None or self._lock_on(provider) is not None:
            self._drop(provider)
        elif known is None or known.sealed != sealed:
            secret = self._open(provider, sealed)
            if known is not None and known.secret is not None and secret is not None and known.secret.matches(secret):
                secret = known.secret
            self._opened[provider] = _Opened(sealed, secret)

    def _open(self, provider: str, sealed: EncryptedData) -> Secret | None:
        try:
            secret = Secret(self._open_sealed(sealed))
        except Exception:  # noqa: BLE001 - and nothing of it is told: what lies near a secret stays with it
            if self._told.get(provider) != sealed:
                logger.error("a credential cannot be opened", extra={"provider": provider})
            self._told[provider] = sealed
            return None
        self._told.pop(provider, None)
        return secret

    def _hand_out(self, alpn: str) -> None:
        """Swap the handler's capabilities, if they are others than before."""
        secrets = {name: found for name in self._named.value.get(alpn, ()) if (found := self._secret(name)) is not None}
        if secrets == self._handed.get(alpn, {}):  # secrets are equal by identity
            return
        capabilities = Capabilities()
        for provider, secret in secrets.items():
            capabilities = capabilities.with_api_key(provider, secret)
        self._handed[alpn], self._live[alpn].value = secrets, capabilities
        logger.info("the credentials of a protocol changed", extra={"alpn": alpn, "providers": sorted(secrets)})

    def _secret(self, provider: str) -> Secret | None:
        found = self._opened.get(provider)
        return None if found is None else found.secret

    def _drop(self, provider: str) -> None:
        found = self._opened.pop(provider, None)
        if found is not None and found.secret is not None:
            found.secret.wipe()
        if self._store.get(provider) is None:
            self._told.pop(provider, None)

    def _take_back(self) -> None:
        for live in self._live.values():
            live.value = NO_CAPABILITIES
        self._handed.clear()
        for provider in list(self._opened):
            self._drop(provider)

    def _missing(self, provider: str) -> str | None:
        if self._secret(provider) is not None:
            return None
        if self._store.get(provider) is None:
            return "none is stored"
        if self._lock_on(provider) is not None:
            return "it is locked"
        return "it cannot be opened" if provider in self._opened else "the vault is not open"
