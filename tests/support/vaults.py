"""Sealing with a real vault, in the form in which stores hold it."""

from node.core.credentials import EncryptedData, encrypted_data_from_json
from node.vault import VaultService


def sealed_by(vault: VaultService, text: str, key_version: int = 2) -> EncryptedData:
    """A text as a row holds it."""
    return encrypted_data_from_json(vault.encrypt(text, key_version).to_json())


def new_vault() -> VaultService:
    """Unlocked, with a phrase of its own."""
    vault = VaultService()
    vault.unlock_new(12).wipe()
    return vault
