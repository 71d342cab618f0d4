"""The way of a sealed credential to the handlers: from the store, through the vault, into their capabilities."""

from node.assembly.store import Store
from node.core.credential_index import CredentialProvider, InMemoryCredentialStore
from node.custody.keeper import VaultKeeper
from node.opened import OpenedCredentials, OpenSealed
from node.reload import LiveSettings
from node.store.sqlite import SqliteStore
from node.vault import EncryptedData, VaultService


def credentials_of(store: Store) -> CredentialProvider:
    """The sealed credentials beside the peers. A file of peers holds none."""
    return store if isinstance(store, SqliteStore) else InMemoryCredentialStore()


def open_credentials(store: Store, limits: LiveSettings, keeper: VaultKeeper) -> OpenedCredentials:
    """What handlers may use, followed through every change of the store, the settings and the vault."""
    unlocked = keeper.vault.is_unlocked
    opened = OpenedCredentials(
        credentials_of(store),
        limits.capabilities,
        opener(keeper.vault),
        unlocked,
        store.lock_on_credential,
    )
    store.subscribe_locks(lambda _: opened.refresh())
    limits.subscribe(opened.refresh)
    keeper.subscribe(opened.refresh)
    return opened


def opener(vault: VaultService) -> OpenSealed:
    """Opens a stored credential with this vault, whose own form of it is base64 text. Raises VaultError."""
    return lambda sealed: vault.decrypt(EncryptedData.from_json(sealed.to_json()))
