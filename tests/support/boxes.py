"""The credentials of a data directory, sealed and opened by what its vault at rest holds, with no node between."""

import sqlite3
from contextlib import closing
from pathlib import Path

from node.core.credentials import EncryptedData as Record
from node.core.paths import DataPaths
from node.custody.sealing import Contents
from node.vault import EncryptedData, SecretString, VaultService
from tests.support.custody import PASSPHRASE, custody_at
from tests.support.vaults import sealed_by

COLUMNS = "provider, key_version, salt, iv, data"


def open_box(data: Path) -> Contents:
    """What the vault at rest holds, by whatever protects it now."""
    custody = custody_at(data)
    by_passphrase = custody.existing().protection == "passphrase"
    return custody.open(SecretString(PASSPHRASE) if by_passphrase else None)


def opened_vault(data: Path) -> VaultService:
    """A vault in this process with the words of the box."""
    vault = VaultService()
    with open_box(data) as contents:
        vault.unlock(contents.phrase, contents.bip39_passphrase)
    return vault


def credentials_of(data: Path) -> dict[str, str]:
    """Every credential that is stored, opened."""
    rows = query(data, f"SELECT {COLUMNS} FROM credentials")
    with opened_vault(data) as vault:
        return {name: vault.decrypt(EncryptedData.from_json(Record(*blob).to_json())) for name, *blob in rows}


def store_sealed(data: Path, contents: dict[str, tuple[str, int]]) -> None:
    """Put texts into the table, each sealed under its version of the key; the table is made if need be."""
    database = DataPaths(data).database
    with opened_vault(data) as vault, closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(f"CREATE TABLE IF NOT EXISTS credentials ({COLUMNS})")
        for provider, (text, version) in contents.items():
            blob = sealed_by(vault, text, version)
            row = (provider, blob.key_version, blob.salt, blob.iv, blob.data)
            connection.execute(f"INSERT INTO credentials ({COLUMNS}) VALUES (?, ?, ?, ?, ?)", row)


def query(data: Path, statement: str) -> list[tuple]:  # type: ignore[type-arg]  # as SQLite gives them
    with closing(sqlite3.connect(DataPaths(data).database, timeout=60)) as connection:
        return connection.execute(statement).fetchall()
