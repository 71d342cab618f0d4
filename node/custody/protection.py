"""Ways to protect a vault: each wraps a record anew, and says what to do once that is durable."""

import os
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from node.custody.key_file import make_key_file, read_credential, read_key, usual_key_file
from node.custody.record import CredentialWrap, KeyFileWrap, PassphraseWrap, VaultRecord
from node.custody.sealing import Contents, key_of_bytes, key_of_passphrase, new_passphrase, seal, wipe
from node.vault import SecretString


@dataclass(frozen=True, slots=True)
class ByPassphrase:
    """Protected by a passphrase."""

    passphrase: SecretString

    def file(self, _: VaultRecord) -> Path | None:
        """The file whose content opens the vault afterwards: none does."""
        return None

    def wrap(self, record: VaultRecord, contents: Contents) -> VaultRecord:
        """The record sealed anew; writes nothing. Raises PassphraseRefused."""
        new_passphrase(self.passphrase)
        wrapping = PassphraseWrap(salt=os.urandom(16))
        return _sealed(record, wrapping, key_of_passphrase(self.passphrase, wrapping), contents)


@dataclass(frozen=True, slots=True)
class ByKeyFile:
    """Protected by a key file: the one named, else the usual one. Made where it is missing."""

    data: Path
    named: Path | None = None

    def file(self, record: VaultRecord) -> Path:
        """The key file of this box. Raises KeyUnavailable."""
        return self.named or usual_key_file(record.box)

    def wrap(self, record: VaultRecord, contents: Contents) -> VaultRecord:
        """The record sealed anew; makes the key file. Raises KeyUnavailable."""
        path = self.file(record)
        make_key_file(path, self.data)
        wrapping = KeyFileWrap(salt=os.urandom(16), path=None if self.named is None else str(path))
        return _sealed_by_bytes(record, wrapping, read_key(path), contents)


@dataclass(frozen=True, slots=True)
class ByCredential:
    """Protected by a credential of the service manager, whose content this file holds."""

    source: Path

    def file(self, _: VaultRecord) -> Path:
        """Where the service manager may take it from at each start."""
        return self.source

    def wrap(self, record: VaultRecord, contents: Contents) -> VaultRecord:
        """The record sealed anew; writes nothing. Raises KeyUnavailable."""
        return _sealed_by_bytes(record, CredentialWrap(salt=os.urandom(16)), read_credential(self.source), contents)


Protection = ByPassphrase | ByKeyFile | ByCredential


def _sealed_by_bytes(
    record: VaultRecord, wrapping: KeyFileWrap | CredentialWrap, secret: bytearray, contents: Contents
) -> VaultRecord:
    try:
        return _sealed(record, wrapping, key_of_bytes(secret, wrapping), contents)
    finally:
        wipe(secret)


def _sealed(
    record: VaultRecord, wrapping: KeyFileWrap | CredentialWrap | PassphraseWrap, key: bytearray, contents: Contents
) -> VaultRecord:
    try:
        return seal(replace(record, wrapping=wrapping), key, contents)
    finally:
        wipe(key)
