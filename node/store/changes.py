"""What changed since a position: the delta half of the hot path's rules.

One statement reads the notifications after a position together with the rows that they name, of peers, keys, their
terms, grants, locks, forwarding rules, invitations and claims: all come from one snapshot. Applied to an index that was
right at the position, it gives one that is right at the snapshot.

Sealed credentials can be long, so each is read by itself, once however often it changed. It may be newer than the
snapshot then; reading goes on until a snapshot tells of none, and that one is right for all.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from node.core.credentials import EncryptedData
from node.core.enrolment.index import Invite, Outcome
from node.core.forwarding.rules import Placed
from node.core.grants import Grant
from node.core.index import PeerIndex
from node.core.locks import Lock
from node.core.peers import ApiKeyEntry, PeerEntry
from node.core.terms import Term
from node.honker_file import Database, Row
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
    text,
)

PEERS_CHANGED = "peers_changed"
API_KEYS_CHANGED = "api_keys_changed"
CREDENTIALS_CHANGED = "credentials_changed"
LOCKS_CHANGED = "locks_changed"
PEER_TERMS_CHANGED = "peer_terms_changed"
GRANTS_CHANGED = "access_grants_changed"
INVITES_CHANGED = "invites_changed"
CLAIMS_CHANGED = "claims_changed"
RULES_CHANGED = "forwarding_rules_changed"
CHANNELS = {
    "peers": PEERS_CHANGED,
    "api_keys": API_KEYS_CHANGED,
    "credentials": CREDENTIALS_CHANGED,
    "locks": LOCKS_CHANGED,
    "peer_terms": PEER_TERMS_CHANGED,
    "access_grants": GRANTS_CHANGED,
    "invites": INVITES_CHANGED,
    "claims": CLAIMS_CHANGED,
    "forwarding_rules": RULES_CHANGED,
}
"""The tables that the node reads, and on which channel the changes of each are told."""

_SEQUENCE = "(SELECT seq FROM sqlite_sequence WHERE name = '_honker_notifications')"
"""The last id ever given, whether or not its row still stands; NULL before the first."""

_HEAD = f"""
    SELECT schema_version AS schema, ifnull({_SEQUENCE}, 0) AS last_id,
           (SELECT max(id) FROM _honker_notifications) AS newest,
           (SELECT count(*) FROM sqlite_master
            WHERE type = 'table' AND name IN ({", ".join(f"'{table}'" for table in CHANNELS)})) AS tables
    FROM pragma_schema_version"""  # noqa: S608 - constants of this module

_CHANGES = f"""
    SELECT h.schema_version AS schema, ifnull({_SEQUENCE}, 0) AS last_id,
           n.id AS id, n.channel AS channel, {text("n.key")} AS key,
           CASE WHEN typeof(n.at) IN ('real', 'integer') THEN n.at END AS at,
           {PEER_COLUMNS}, {KEY_COLUMNS}, {LOCK_COLUMNS}, {TERM_COLUMNS}, {GRANT_COLUMNS},
           {INVITE_COLUMNS}, {CLAIM_COLUMNS}, {RULE_COLUMNS}
    FROM pragma_schema_version AS h
    LEFT JOIN (
        SELECT id, channel, json_extract(payload, '$.at') AS at,
               CASE json_type(payload, '$.id') WHEN 'text' THEN json_extract(payload, '$.id') END AS key
        FROM (
            SELECT id, channel, CASE WHEN typeof(payload) = 'text' AND json_valid(payload) THEN payload END AS payload
            FROM _honker_notifications WHERE id >= ? ORDER BY id LIMIT ?
        )
    ) AS n
    LEFT JOIN peers AS p ON n.channel = '{PEERS_CHANGED}' AND p.peer_id = n.key
    LEFT JOIN api_keys AS k ON n.channel = '{API_KEYS_CHANGED}' AND k.prefix = n.key
    LEFT JOIN locks AS l ON n.channel = '{LOCKS_CHANGED}' AND l.id = n.key
    LEFT JOIN peer_terms AS t ON n.channel = '{PEER_TERMS_CHANGED}' AND t.id = n.key
    LEFT JOIN access_grants AS g ON n.channel = '{GRANTS_CHANGED}' AND g.id = n.key
    LEFT JOIN invites AS i ON n.channel = '{INVITES_CHANGED}' AND i.id = n.key
    LEFT JOIN claims AS o ON n.channel = '{CLAIMS_CHANGED}' AND o.id = n.key
    LEFT JOIN forwarding_rules AS f ON n.channel = '{RULES_CHANGED}' AND f.id = n.key
    ORDER BY n.id"""  # noqa: S608 - constants of this package

_CREDENTIAL = f"SELECT {CREDENTIAL_COLUMNS} FROM credentials AS c WHERE c.provider = ?"  # noqa: S608 - constants of this package


class Reason(StrEnum):
    """Why a delta cannot tell what changed, and everything must be read anew."""

    SCHEMA = "the schema changed, or the file was restored"
    GAP = "notifications are missing"
    BACKLOG = "too many changes at once"
    JUNK = "a notification does not name its row"


class OutOfStep(Exception):
    """The changes since the position cannot be told; `reason` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Position:
    """A point in the file's history: its last notification, and the schema that it was read under.

    SQLite counts the schema up at every DDL statement, every VACUUM and every restore through its backup API; the
    triggers that notify may be gone after any of these. `present` tells whether the last notification still stood in
    the table: as long as it does, none after it can have been pruned.
    """

    schema: int
    last_id: int
    present: bool


@dataclass(slots=True)
class Changes:
    """The rows that changed, each as it now is (None: gone, or not readable), and the position that they lead to.

    `committed_at` is the writer's clock at the last change of peers, keys, terms and grants, `sealed_at` at that of
    credentials, `locked_at` at that of locks, in unix seconds, where its notification told it.
    """

    position: Position
    peers: dict[str, PeerEntry | None] = field(default_factory=dict)
    api_keys: dict[str, ApiKeyEntry | None] = field(default_factory=dict)
    credentials: dict[str, EncryptedData | None] = field(default_factory=dict)
    locks: dict[str, Lock | None] = field(default_factory=dict)
    terms: dict[str, Term | None] = field(default_factory=dict)
    grants: dict[str, Grant | None] = field(default_factory=dict)
    invites: dict[str, Invite | None] = field(default_factory=dict)
    outcomes: dict[str, Outcome | None] = field(default_factory=dict)
    rules: dict[str, Placed | None] = field(default_factory=dict)
    committed_at: float | None = None
    locked_at: float | None = None
    sealed_at: float | None = None
    notifications: int = 0

    @property
    def of_peers(self) -> bool:
        """Whether the index of peers and keys may be another."""
        return bool(self.peers or self.api_keys or self.terms or self.grants)

    def applied_to(self, index: PeerIndex) -> PeerIndex:
        """The index as it is after these changes."""
        if not self.of_peers:
            return index
        return index.apply(self.peers, self.api_keys, self.position.last_id, self.terms, grants=self.grants)


def current_position(database: Database) -> Position | None:
    """The end of the file's history as it is now; None before the tables exist."""
    head = database.query(_HEAD)[0]
    if head["tables"] < len(CHANNELS):
        return None
    return Position(head["schema"], head["last_id"], present=head["newest"] == head["last_id"])


async def read_changes(
    database: Database, since: Position, reader: RowReader, *, page_rows: int, max_delta: int | None = None
) -> Changes:
    """Every change after `since`. Yields to the loop between pages only: a short delta of peers is one step.

    Raises OutOfStep, and with more than `max_delta` notifications too.
    """
    changes = Changes(since)
    while _read_page(database, changes, reader, page_rows):
        if max_delta is not None and changes.notifications > max_delta:
            raise OutOfStep(Reason.BACKLOG)
        await asyncio.sleep(0)
    return changes


def _read_page(database: Database, changes: Changes, reader: RowReader, page_rows: int) -> bool:
    """Add one page to `changes`. True if there may be more, or what was read may be newer than the page."""
    rows = database.query(_CHANGES, [changes.position.last_id, page_rows + 1])
    if rows[0]["schema"] != changes.position.schema:
        raise OutOfStep(Reason.SCHEMA)
    new = _after(changes.position, rows)
    for row in new:
        _add(changes, row, reader)
    changes.notifications += len(new)
    if new:
        changes.position = Position(changes.position.schema, new[-1]["id"], present=True)
    sealed = {_key(row) for row in new if row["channel"] == CREDENTIALS_CHANGED}
    for provider in sealed:
        changes.credentials[provider] = _read_credential(database, provider, reader)
    return len(new) >= page_rows or bool(sealed)


def _read_credential(database: Database, provider: str, reader: RowReader) -> EncryptedData | None:
    """As it is now; None where it is gone, or not readable."""
    rows = database.query(_CREDENTIAL, [provider])
    return reader.credential(rows[0]) if rows else None


def _after(position: Position, rows: list[Row]) -> list[Row]:
    """The rows after the position, once they are known to follow on it without a gap."""
    found = [row for row in rows if row["id"] is not None]
    if position.present:
        followed = bool(found) and found[0]["id"] == position.last_id
    else:
        followed = (found[0]["id"] if found else rows[0]["last_id"] + 1) == position.last_id + 1
    if not followed:
        raise OutOfStep(Reason.GAP)
    return found[1:] if position.present else found


_ROWS: dict[str, tuple[str, str, Callable[[RowReader, Row], Any]]] = {
    PEERS_CHANGED: ("peers", "peer_id", RowReader.peer),
    API_KEYS_CHANGED: ("api_keys", "prefix", RowReader.api_key),
    PEER_TERMS_CHANGED: ("terms", "term_id", RowReader.term),
    GRANTS_CHANGED: ("grants", "grant_id", RowReader.grant),
    LOCKS_CHANGED: ("locks", "lock_id", RowReader.lock),
    INVITES_CHANGED: ("invites", "invite_id", RowReader.invite),
    CLAIMS_CHANGED: ("outcomes", "claim_id", RowReader.outcome),
    RULES_CHANGED: ("rules", "rule_id", RowReader.rule),
}
"""Of each channel: where its rows are kept, the column that is NULL where the row is gone, and how a row is read."""
_CLOCKS = {
    **dict.fromkeys((PEERS_CHANGED, API_KEYS_CHANGED, PEER_TERMS_CHANGED, GRANTS_CHANGED), "committed_at"),
    LOCKS_CHANGED: "locked_at",
    CREDENTIALS_CHANGED: "sealed_at",
}


def _add(changes: Changes, row: Row, reader: RowReader) -> None:
    channel = row["channel"]
    if channel in _ROWS:
        rows, column, read = _ROWS[channel]
        getattr(changes, rows)[_key(row)] = None if row[column] is None else read(reader, row)
    if channel in _CLOCKS:
        setattr(changes, _CLOCKS[channel], row["at"])


def _key(row: Row) -> str:
    """The primary key that the notification names: the very one by which SQLite looked the row up."""
    raw: bytes | None = row["key"]
    if raw is None:
        raise OutOfStep(Reason.JUNK)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise OutOfStep(Reason.JUNK) from None
