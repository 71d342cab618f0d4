"""The way of a sealed credential to the handlers: from the store, through the vault, into their capabilities."""

from node.assembly.store import Store
from node.core.credential_index import CredentialProvider, InMemoryCredentialStore
from node.opened import OpenSealed
from node.store.sqlite import SqliteStore
from node.vault import EncryptedData, VaultService


def credentials_of(store: Store) -> CredentialProvider:
    """The sealed credentials beside the peers. A file of peers holds none."""
    return store if isinstance(store, SqliteStore) else InMemoryCredentialStore()


def opener(vault: VaultService) -> OpenSealed:
    """Opens a stored credential with this vault, whose own form of it is base64 text. Raises VaultError."""
    return lambda sealed: vault.decrypt(EncryptedData.from_json(sealed.to_json()))
