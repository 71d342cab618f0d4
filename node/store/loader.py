"""Reading everything: page by page, so that the loop is never held for long, and consistent all the same.

The pages belong to different moments. What changed between the first and the last of them has left notifications, and
is read again as a delta at the end: the result is the file at one moment.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from node.core.credential_index import Credentials
from node.core.credentials import EncryptedData
from node.core.enrolment.index import EnrolmentIndex, Invite, Outcome
from node.core.forwarding.rules import Placed
from node.core.grants import Grant, Grants, build_grants
from node.core.index import IndexBuilder, PeerIndex
from node.core.locks import Lock, LockIndex
from node.core.sharded import ShardedMapBuilder
from node.core.terms import Term, Terms, build_terms
from node.honker_file import Database, Row
from node.store.changes import Position, current_position, read_changes
from node.store.collector import collector_paused, freeze
from node.store.reader import RowReader
from node.store.rows import (
    CLAIM_COLUMNS,
    CREDENTIAL_COLUMNS,
    GRANT_COLUMNS,
    INVITE_COLUMNS,
    KEY_COLUMNS,
    LOCK_COLUMNS,
    PEER_COLUMNS,
    RULE_COLUMNS,
    TERM_COLUMNS,
)
from node.store.triggers import untold_changes

_PEERS = f"SELECT p.rowid AS rowid, {PEER_COLUMNS} FROM peers AS p WHERE p.rowid > ? ORDER BY p.rowid LIMIT ?"  # noqa: S608 - constants of this package
_API_KEYS = f"SELECT k.rowid AS rowid, {KEY_COLUMNS} FROM api_keys AS k WHERE k.rowid > ? ORDER BY k.rowid LIMIT ?"  # noqa: S608 - constants of this package
_CREDENTIALS = (
    f"SELECT c.rowid AS rowid, {CREDENTIAL_COLUMNS} FROM credentials AS c WHERE c.rowid > ? ORDER BY c.rowid LIMIT ?"  # noqa: S608 - constants of this package
)
_LOCKS = f"SELECT l.rowid AS rowid, {LOCK_COLUMNS} FROM locks AS l WHERE l.rowid > ? ORDER BY l.rowid LIMIT ?"  # noqa: S608 - constants of this package
_TERMS = f"SELECT t.rowid AS rowid, {TERM_COLUMNS} FROM peer_terms AS t WHERE t.rowid > ? ORDER BY t.rowid LIMIT ?"  # noqa: S608 - constants of this package
_GRANTS = f"SELECT g.rowid AS rowid, {GRANT_COLUMNS} FROM access_grants AS g WHERE g.rowid > ? ORDER BY g.rowid LIMIT ?"  # noqa: S608 - constants of this package
_INVITES = f"SELECT i.rowid AS rowid, {INVITE_COLUMNS} FROM invites AS i WHERE i.rowid > ? ORDER BY i.rowid LIMIT ?"  # noqa: S608 - constants of this package
_CLAIMS = f"SELECT o.rowid AS rowid, {CLAIM_COLUMNS} FROM claims AS o WHERE o.rowid > ? ORDER BY o.rowid LIMIT ?"  # noqa: S608 - constants of this package
_RULES = (
    f"SELECT f.rowid AS rowid, {RULE_COLUMNS} FROM forwarding_rules AS f WHERE f.rowid > ? ORDER BY f.rowid LIMIT ?"  # noqa: S608 - constants of this package
)
_MAX_CREDENTIALS_PAGE = 16
"""Each of them may be a mebibyte."""
_BEFORE_ALL = -(2**63)


class NotMigrated(Exception):
    """The file has no tables of ours yet."""

    def __init__(self) -> None:
        super().__init__("the database is not migrated yet")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A whole index, all that is beside it, and the point in the file's history that they show.

    `untold` names the kinds of change that leave no notification, since their triggers are lost. Until that is mended,
    the pages may belong to different moments, and no delta is to be trusted.
    """

    index: PeerIndex
    credentials: Credentials
    locks: LockIndex
    enrolment: EnrolmentIndex
    rules: dict[str, Placed]
    position: Position
    frozen: bool
    untold: list[str]

    @property
    def empty(self) -> bool:
        of_peers = (self.index.peers, self.index.api_keys, self.index.terms.terms, self.index.grants.grants)
        return not any((*of_peers, self.credentials, self.locks.locks, self.enrolment.invites, self.rules))


async def load_index(
    database: Database, reader: RowReader, previous: PeerIndex, *, page_rows: int, freeze_rows: int | None = None
) -> Loaded:
    """Read every row. Raises NotMigrated, and OutOfStep where the file was restored or migrated meanwhile.

    What is as it was in `previous` is shared with it. With `freeze_rows`, an index of so many rows is kept out of the
    garbage collector's sight from the start; `frozen` tells whether that was done.
    """
    start = current_position(database)
    if start is None:
        raise NotMigrated
    untold = untold_changes(database)  # and so at the end as well: another schema raises OutOfStep
    with collector_paused():
        terms = await _read_terms(database, reader, page_rows)
        grants = await _read_grants(database, reader, page_rows)
        index = await _read_peers(database, reader, IndexBuilder(previous, terms, grants), page_rows, start)
        credentials = await _read_credentials(database, reader, min(page_rows, _MAX_CREDENTIALS_PAGE))
        locks = await _read_locks(database, reader, page_rows, start)
        enrolment = await _read_enrolment(database, reader, page_rows)
        rules = await _read_rules(database, reader, page_rows)
        changes = await read_changes(database, start, reader, page_rows=page_rows)
        index = changes.applied_to(index)
        credentials = credentials.patched(changes.credentials)
        locks = locks.patched(changes.locks, changes.position.last_id)
        enrolment = enrolment.patched(changes.invites, changes.outcomes)
        rules = {name: placed for name, placed in {**rules, **changes.rules}.items() if placed is not None}
        frozen = freeze_rows is not None and len(index.peers) + len(index.api_keys) >= freeze_rows
        if frozen:
            freeze()
    return Loaded(index, credentials, locks, enrolment, rules, changes.position, frozen, untold)


async def _read_peers(
    database: Database, reader: RowReader, builder: IndexBuilder, page_rows: int, start: Position
) -> PeerIndex:
    """Every peer and API key, each as it was at some moment after `start`."""
    async for page in _pages(database, _PEERS, page_rows):
        for peer in filter(None, map(reader.peer, page)):
            builder.add_peer(peer)
    async for page in _pages(database, _API_KEYS, page_rows):
        for key in filter(None, map(reader.api_key, page)):
            builder.add_api_key(key)
    return builder.finish(start.last_id)


async def _read_terms(database: Database, reader: RowReader, page_rows: int) -> Terms:
    """Every end of a peer or a key, each as it was at some moment."""
    found: list[Term] = []
    async for page in _pages(database, _TERMS, page_rows):
        found += filter(None, map(reader.term, page))
    return build_terms(found, time.time())


async def _read_grants(database: Database, reader: RowReader, page_rows: int) -> Grants:
    """Every grant, each as it was at some moment."""
    found: list[Grant] = []
    async for page in _pages(database, _GRANTS, page_rows):
        found += filter(None, map(reader.grant, page))
    return build_grants(found, time.time())


async def _read_credentials(database: Database, reader: RowReader, page_rows: int) -> Credentials:
    """Every sealed credential, each as it was at some moment."""
    builder = ShardedMapBuilder[EncryptedData]()
    async for page in _pages(database, _CREDENTIALS, page_rows):
        for row in page:
            if (credential := reader.credential(row)) is not None:
                builder[row["provider"].decode()] = credential
    return builder.build()


async def _read_locks(database: Database, reader: RowReader, page_rows: int, start: Position) -> LockIndex:
    """Every lock, each as it was at some moment."""
    found: dict[str, Lock | None] = {}
    async for page in _pages(database, _LOCKS, page_rows):
        found.update({lock.lock_id: lock for row in page if (lock := reader.lock(row)) is not None})
    return LockIndex().patched(found, start.last_id)


async def _read_enrolment(database: Database, reader: RowReader, page_rows: int) -> EnrolmentIndex:
    """Every invitation and claim, each as it was at some moment."""
    invites: dict[str, Invite] = {}
    outcomes: dict[str, Outcome] = {}
    async for page in _pages(database, _INVITES, page_rows):
        invites.update({invite.invite_id: invite for invite in filter(None, map(reader.invite, page))})
    async for page in _pages(database, _CLAIMS, page_rows):
        outcomes.update({outcome.claim_id: outcome for outcome in filter(None, map(reader.outcome, page))})
    return EnrolmentIndex(invites, outcomes)


async def _read_rules(database: Database, reader: RowReader, page_rows: int) -> dict[str, Placed]:
    """Every forwarding rule, each as it was at some moment. One whose id is no text stands for itself as well."""
    found: dict[str, Placed] = {}
    async for page in _pages(database, _RULES, page_rows):
        for row in page:
            placed = reader.rule(row)
            found[placed.rule.rule_id or f"row {row['rowid']}"] = placed
    return found


async def _pages(database: Database, sql: str, page_rows: int) -> AsyncIterator[list[Row]]:
    """The rows of a table; the loop gets its turn after each page."""
    last = _BEFORE_ALL
    while page := database.query(sql, [last, page_rows]):
        yield page
        last = page[-1]["rowid"]
        await asyncio.sleep(0)
