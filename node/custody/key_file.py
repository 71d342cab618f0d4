"""Where the bytes lie that open a vault without a person: a key file outside the data directory, or a credential."""

import os
import secrets
from pathlib import Path

from node.client.home import config_home
from node.custody.errors import KeyUnavailable
from node.custody.record import CredentialWrap, KeyFileWrap, VaultRecord
from node.custody.sealing import SHORTEST_KEY
from node.private_file import UnusableFile, create_private, read_private, remove_unfinished, sync_directory

MAX_KEY_FILE = 4096
"""Longest key file or credential that is read, in bytes."""

CREDENTIAL = "alknet-vault-key"
"""Name of the credential, as in `LoadCredential=alknet-vault-key:/path` of a systemd unit."""

CREDENTIALS_DIRECTORY = "CREDENTIALS_DIRECTORY"
"""The variable by which systemd names the directory of a service's credentials (systemd.exec(5))."""


def usual_key_file(box: str) -> Path:
    """The key file of a box for which no other place was named. Raises KeyUnavailable where this user has no home."""
    try:
        return config_home() / "boxes" / f"{box}.key"
    except RuntimeError:
        raise KeyUnavailable("this user has no home directory: name the key file with vault.key_file") from None


def credential_file() -> Path | None:
    """The file of the credential, if the service manager handed one over."""
    directory = os.environ.get(CREDENTIALS_DIRECTORY)
    path = Path(directory) / CREDENTIAL if directory else None
    return path if path is not None and os.path.lexists(path) else None


def key_file_of(record: VaultRecord, named: Path | None) -> Path:
    """Where the key file of this box lies: where the settings say, else where its record says, else the usual place."""
    wrapping = record.wrapping
    stored = wrapping.path if isinstance(wrapping, KeyFileWrap) else None
    return named or (Path(stored) if stored else usual_key_file(record.box))


def read_key(path: Path, *, forbidden: int = 0o077) -> bytearray:
    """The content of a key file, without line ends after it. Raises KeyUnavailable."""
    try:
        content = bytearray(read_private(path, MAX_KEY_FILE, forbidden=forbidden))
    except FileNotFoundError:
        raise KeyUnavailable(
            f"{path}: there is no such key file; put it back, or restore the vault from its words: "
            "alknet vault init --words-file FILE"
        ) from None
    except UnusableFile as error:
        raise KeyUnavailable(str(error)) from None
    if len(content) < SHORTEST_KEY:
        raise KeyUnavailable(f"{path}: a key file has at least {SHORTEST_KEY} bytes")
    while content and content[-1] in b"\r\n":
        del content[-1]
    return content


def read_credential(path: Path | None = None) -> bytearray:
    """The content of the credential: of this file, else of the one that is handed over. Raises KeyUnavailable.

    Its group may read it: that is how a file looks that systemd gives to one user by an access control list.
    """
    path = path or credential_file()
    if path is None:
        raise KeyUnavailable(
            f"the service manager hands over no credential “{CREDENTIAL}”, which opens this vault "
            f"(systemd: LoadCredential={CREDENTIAL}:FILE)"
        )
    return read_key(path, forbidden=0o037)


def key_bytes(record: VaultRecord, named: Path | None, data: Path) -> bytearray:
    """What opens the box of this data directory without a passphrase. Raises KeyUnavailable."""
    if isinstance(record.wrapping, CredentialWrap):
        return read_credential()
    path = key_file_of(record, named)
    _require_outside(path, data)
    return read_key(path)


def make_key_file(path: Path, data: Path) -> None:
    """A fresh key of 256 bits in `path`, unless there is a file already. Raises KeyUnavailable."""
    _require_outside(path, data)
    try:
        create_private(path, secrets.token_hex(32).encode() + b"\n")
    except OSError as error:
        raise KeyUnavailable(
            f"{path}: the key file cannot be made: {error.strerror}; name another place with vault.key_file"
        ) from None


def is_same_file(one: Path, other: Path) -> bool:
    """Whether both names lead to one file, by whatever links and dots. Raises KeyUnavailable where nobody can tell."""
    try:
        return one == other or one.samefile(other)
    except FileNotFoundError:
        return False
    except (OSError, RuntimeError) as error:
        raise KeyUnavailable(f"{other}: cannot be looked at: {error}") from None


def remove_key_file(path: Path) -> None:
    """Take away a key file that opens nothing any more, in all its copies. Raises KeyUnavailable."""
    try:
        remove_unfinished(path)
        path.unlink(missing_ok=True)
        sync_directory(path.parent)
    except FileNotFoundError:
        return
    except OSError as error:
        raise KeyUnavailable(f"{path}: the old key file cannot be removed: {error.strerror}") from None


def _require_outside(path: Path, data: Path) -> None:
    """A key file within the data directory would let each copy of that open itself. Raises KeyUnavailable."""
    if Path(os.path.realpath(path)).is_relative_to(os.path.realpath(data)):
        raise KeyUnavailable(f"{path}: a key file must not lie within the data directory {data}")
