"""The inbox's two tables in `node.db`, beside the journal's. They are made by the first claim.

The numbers of claims grow, with gaps, and begin at the clock's milliseconds each time, so that none is given twice even
where the file was replaced. The identity of an inbox tells it from another one.
"""

from typing import Any

from node.core.enrolment.claim import Claim

TABLES = (
    "CREATE TABLE IF NOT EXISTS inbox_identity (id TEXT NOT NULL)",
    """CREATE TABLE IF NOT EXISTS inbox (
        number INTEGER PRIMARY KEY AUTOINCREMENT, claim_id TEXT NOT NULL UNIQUE, code_hash TEXT NOT NULL,
        fingerprint TEXT NOT NULL, name TEXT NOT NULL, sas TEXT NOT NULL, address TEXT NOT NULL, at REAL NOT NULL)""",
)
COLUMNS = ("claim_id", "code_hash", "fingerprint", "name", "sas", "address", "at")
PRESENT = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'inbox'"
LAST = "SELECT ifnull(max(seq), 0) AS n FROM sqlite_sequence WHERE name = 'inbox'"
INSERT = f"INSERT INTO inbox (number, {', '.join(COLUMNS)}) VALUES (?, {', '.join('?' * len(COLUMNS))})"  # noqa: S608 - constants
TAKEN = """
    DELETE FROM inbox WHERE number IN (
        SELECT inbox.number FROM json_each(?) AS taken
        JOIN inbox ON inbox.claim_id = taken.key AND inbox.number <= taken.value)"""
READ = f"SELECT number, {', '.join(COLUMNS)} FROM inbox WHERE number > ? ORDER BY number LIMIT ?"  # noqa: S608 - constants


def row(claim: Claim) -> list[Any]:
    return [getattr(claim, name) for name in COLUMNS]


def claim_of(found: Any) -> Claim:
    return Claim(**{name: found[name] for name in COLUMNS})
