"""The vault file of one data directory: read, made, opened and changed; each change whole or not at all.

Whatever is killed in the middle leaves a file that opens: a new key is durable before the file that needs it, and an
old one is removed only after the file that needs it no more.
"""

import contextlib
import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from node.core.paths import DataPaths
from node.custody.errors import (
    CustodyBusy,
    KeyUnavailable,
    NoVault,
    PassphraseNeeded,
    VaultExists,
    VaultFileError,
)
from node.custody.key_file import is_same_file, key_bytes, key_file_of, remove_key_file, usual_key_file
from node.custody.protection import ByKeyFile, Protection
from node.custody.record import MAX_FILE, KeyFileWrap, PassphraseWrap, VaultRecord, decode, encode
from node.custody.sealing import Contents, key_of_bytes, key_of_passphrase, open_sealed, seal, wipe
from node.private_file import UnusableFile, create_private, private_directory, read_private, replace_private
from node.vault import PATHS, SecretString, VaultService

LOCK_TIMEOUT = 10.0
"""Seconds that a command waits for another that changes the same vault."""

_PAUSE = 0.05


class Custody:
    """One data directory's vault at rest. `key_file` is what the settings name (`vault.key_file`)."""

    def __init__(self, paths: DataPaths, key_file: Path | None = None) -> None:
        self.paths = paths
        self.key_file = key_file

    def read(self) -> VaultRecord | None:
        """The record as it stands, or None. Raises VaultFileError."""
        path = self.paths.vault
        try:
            return decode(read_private(path, MAX_FILE))
        except FileNotFoundError:
            return None
        except UnusableFile as error:
            raise VaultFileError(path, error.problem) from None
        except ValueError as error:
            raise VaultFileError(path, str(error)) from None

    def existing(self) -> VaultRecord:
        """The record as it stands. Raises NoVault, VaultFileError."""
        record = self.read()
        if record is None:
            raise NoVault
        return record

    def open(self, passphrase: SecretString | None = None) -> Contents:
        """What the vault holds; the caller wipes it.

        Raises NoVault, VaultFileError, PassphraseNeeded, WrongPassphrase, KeyUnavailable, WrongKey.
        """
        record = self.existing()
        key = self._key(record, passphrase)
        try:
            return open_sealed(record, key)
        finally:
            wipe(key)

    def make(self, contents: Contents, protection: Protection, *, shown: bool) -> VaultRecord:
        """Put these contents in a new vault file. `shown` is whether a person knows the words already.

        Raises VaultExists, VaultFileError, and what the protection raises.
        """
        record = VaultRecord(
            box=secrets.token_hex(16),
            created_at=int(time.time()),
            identity=identity_of(contents),
            words_shown_at=int(time.time()) if shown else None,
            wrapping=KeyFileWrap(salt=bytes(16)),
        )
        with self.locked():
            if self.read() is not None:
                raise VaultExists(
                    "this data directory has a vault already; --words-file with its words protects it anew"
                )
            made = self._wrapped(record, contents, protection)
            try:
                self._write(made, new=True)
            except VaultFileError:
                self._undo_key_file(made)
                raise
        return made

    def restore(self, contents: Contents, protection: Protection) -> VaultRecord:
        """Protect the vault file that is there anew, by its own words. Raises VaultExists if these are others."""
        with self.locked():
            record = self.existing()
            if identity_of(contents) != record.identity:
                raise VaultExists(
                    "this data directory has a vault of other words; these belong to another box. To have that one "
                    f"here, first move {self.paths.vault} away, and keep it"
                )
            made = self._wrapped(replace(record, words_shown_at=int(time.time())), contents, protection)
            self._write(made)
        return made

    def protect(self, protection: Protection, passphrase: SecretString | None = None) -> Path | None:
        """Protect the vault in another way, opening it first in the present one.

        A key file that was made for this box and opens it no more is removed; one from elsewhere is left, and its path
        returned. Raises what `open` and the protection raise.
        """
        with self.locked(), self.open(passphrase) as contents:
            old = self.existing()
            made = self._wrapped(old, contents, protection)
            self._write(made)
            return self._drop_key_file(old, protection.file(made))

    def mark_shown(self, passphrase: SecretString | None = None) -> None:
        """Note that a person has seen the words. Raises what `open` raises."""
        record = self.existing()
        key = self._key(record, passphrase)
        try:
            with open_sealed(record, key) as contents:
                self._write(seal(replace(record, words_shown_at=int(time.time())), key, contents))
        finally:
            wipe(key)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from changing the file during the block. Raises CustodyBusy, VaultFileError."""
        try:
            private_directory(self.paths.secrets)
            descriptor = os.open(self.paths.secrets, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise VaultFileError(self.paths.secrets, f"cannot be used: {error.strerror}") from None
        try:
            _take(descriptor)
            yield
        finally:
            os.close(descriptor)

    def _key(self, record: VaultRecord, passphrase: SecretString | None) -> bytearray:
        wrapping = record.wrapping
        if isinstance(wrapping, PassphraseWrap):
            if passphrase is None:
                raise PassphraseNeeded
            return key_of_passphrase(passphrase, wrapping)
        secret = key_bytes(record, self.key_file, self.paths.data)
        try:
            return key_of_bytes(secret, wrapping)
        finally:
            wipe(secret)

    def _wrapped(self, record: VaultRecord, contents: Contents, protection: Protection) -> VaultRecord:
        """The record sealed anew. Raises KeyUnavailable where the settings name another key file than is meant."""
        named = self.key_file
        if isinstance(protection, ByKeyFile) and named is not None and not is_same_file(named, protection.file(record)):
            raise KeyUnavailable(
                f"the settings name another key file (vault.key_file = {named}), which the node would read; "
                "take that out of them first"
            )
        made = protection.wrap(record, contents)
        _require_readable(made)
        return made

    def _write(self, record: VaultRecord, *, new: bool = False) -> None:
        write = create_private if new else replace_private
        try:
            write(self.paths.vault, encode(record))
        except OSError as error:
            raise VaultFileError(self.paths.vault, f"cannot be written: {error.strerror}") from None

    def _undo_key_file(self, made: VaultRecord) -> None:
        """Take back the key of a box that did not come about, or each failed start would leave another behind."""
        try:
            self.paths.vault.lstat()
        except FileNotFoundError:
            with contextlib.suppress(KeyUnavailable):
                remove_key_file(usual_key_file(made.box))
        except OSError:
            return  # it may be there, and need its key

    def _drop_key_file(self, old: VaultRecord, needed: Path | None) -> Path | None:
        """Remove the old key file, unless it is the one needed from now on, however that is spelled."""
        if not isinstance(old.wrapping, KeyFileWrap):
            return None
        path = key_file_of(old, self.key_file)
        if needed is not None and is_same_file(needed, path):
            return None
        if path != usual_key_file(old.box):
            return path
        remove_key_file(path)
        return None


def identity_of(contents: Contents) -> str:
    """The fingerprint of the node key that these words give. Raises MnemonicError."""
    vault = VaultService()
    vault.unlock(contents.phrase, contents.bip39_passphrase)
    try:
        with vault.derive_ed25519(PATHS.IDENTITY) as key:
            return f"ed25519:{key.public_key.hex()}"
    finally:
        vault.lock()


def _require_readable(record: VaultRecord) -> None:
    """Before it takes the place of one that is. Raises KeyUnavailable: nothing else in it comes from outside."""
    try:
        if decode(encode(record)) == record:
            return
    except ValueError:
        pass
    raise KeyUnavailable("the path of this key file cannot be kept: it is too long, or no text")


def _take(descriptor: int) -> None:
    deadline = time.monotonic() + LOCK_TIMEOUT
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise CustodyBusy from None
            time.sleep(_PAUSE)
        else:
            return
