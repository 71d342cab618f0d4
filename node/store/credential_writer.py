"""Writing sealed credentials (spec core §9): an upsert and a delete, each with its notification in one transaction."""

from node.core.credential_index import checked_credential
from node.core.credentials import EncryptedData
from node.honker_file import Database, Transaction
from node.store.commit import Committer

_COLUMNS = ("provider", "key_version", "salt", "iv", "data")
_UPSERT = f"""
    INSERT INTO credentials ({", ".join(_COLUMNS)}) VALUES ({", ".join("?" * len(_COLUMNS))})
    ON CONFLICT (provider) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])}"""  # noqa: S608 - constants of this module
_DELETE = "DELETE FROM credentials WHERE provider = ?"


class CredentialWriter:
    """Writes the columns of the contract alone; what else a table has is left to its defaults."""

    def __init__(self, committer: Committer) -> None:
        self._committer = committer

    async def put(self, database: Database | None, provider: str, data: EncryptedData) -> None:
        sealed = checked_credential(provider, data)

        def write(tx: Transaction) -> None:
            tx.execute(_UPSERT, [provider, sealed.key_version, sealed.salt, sealed.iv, sealed.data])

        await self._committer.commit(database, write)

    async def delete(self, database: Database | None, provider: str) -> None:
        await self._committer.commit(database, lambda tx: tx.execute(_DELETE, [provider]))
