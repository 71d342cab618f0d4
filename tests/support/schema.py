"""The tables that the node reads, and their triggers, in raw SQL: for tests where Django is not the point.

tests/node/store/test_schema.py holds it to what the migrations make.
"""

import functools
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from node.core.credentials import EncryptedData
from node.core.enrolment.index import Invite, Outcome
from node.core.forwarding.rules import Placed
from node.core.grants import Grant
from node.core.locks import Lock
from node.core.peers import ApiKeyEntry, PeerEntry
from node.core.terms import Term

TABLES = """
CREATE TABLE peers (
    peer_id TEXT NOT NULL PRIMARY KEY,
    fingerprints TEXT NOT NULL,
    auth_token_hash TEXT NULL,
    scopes TEXT NOT NULL,
    resources TEXT NOT NULL,
    display_name TEXT NULL,
    enabled BOOL NOT NULL
);
CREATE TABLE api_keys (
    prefix TEXT NOT NULL PRIMARY KEY,
    hash TEXT NOT NULL,
    scopes TEXT NOT NULL,
    description TEXT NOT NULL,
    expires_at BIGINT UNSIGNED NULL
);
CREATE TABLE credentials (
    provider TEXT NOT NULL PRIMARY KEY,
    key_version BIGINT UNSIGNED NOT NULL,
    salt BLOB NOT NULL,
    iv BLOB NOT NULL,
    data BLOB NOT NULL,
    changed_at DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    changed_by TEXT NOT NULL DEFAULT ''
);
CREATE TABLE peer_terms (
    id TEXT NOT NULL PRIMARY KEY,
    peer_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL DEFAULT '',
    expires_at REAL NOT NULL
);
CREATE TABLE access_grants (
    id TEXT NOT NULL PRIMARY KEY,
    peer_id TEXT NOT NULL,
    scopes TEXT NOT NULL,
    resource_type TEXT NOT NULL DEFAULT '',
    resource TEXT NOT NULL DEFAULT '',
    expires_at REAL NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    created_at DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    created_by TEXT NOT NULL DEFAULT ''
);
CREATE TABLE locks (
    id TEXT NOT NULL PRIMARY KEY,
    target_kind TEXT NOT NULL,
    target TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL DEFAULT '',
    created_at DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    created_by TEXT NOT NULL DEFAULT '',
    expires_at REAL NULL
);
CREATE TABLE forwarding_rules (
    id TEXT NOT NULL PRIMARY KEY,
    position INTEGER NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    principals TEXT NOT NULL,
    transports TEXT NOT NULL,
    directions TEXT NOT NULL,
    note TEXT NOT NULL DEFAULT '',
    changed_at DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    changed_by TEXT NOT NULL DEFAULT ''
);
CREATE TABLE invites (
    id TEXT NOT NULL PRIMARY KEY,
    code_hash TEXT NOT NULL,
    note TEXT NOT NULL DEFAULT '',
    peer_id TEXT NOT NULL DEFAULT '',
    scopes TEXT NOT NULL,
    resources TEXT NOT NULL,
    uses INTEGER UNSIGNED NOT NULL,
    uses_left INTEGER UNSIGNED NOT NULL,
    expires_at REAL NOT NULL,
    needs_approval BOOL NOT NULL,
    revoked_at REAL NULL,
    created_at DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    created_by TEXT NOT NULL DEFAULT '',
    peer_expires_at REAL NULL,
    peer_seconds REAL NULL
);
CREATE TABLE claims (
    id TEXT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL,
    invite_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    name TEXT NOT NULL DEFAULT '',
    sas TEXT NOT NULL DEFAULT '',
    asked INTEGER UNSIGNED NOT NULL,
    address TEXT NOT NULL DEFAULT '',
    at REAL NOT NULL,
    state TEXT NOT NULL,
    why TEXT NOT NULL DEFAULT '',
    peer_id TEXT NOT NULL DEFAULT '',
    decided_at REAL NULL,
    decided_by TEXT NOT NULL DEFAULT ''
);
"""
"""No uniqueness and no checks, unlike the migrated tables: tests put in what the node must survive."""

PEER_COLUMNS = ("peer_id", "fingerprints", "auth_token_hash", "scopes", "resources", "display_name", "enabled")
KEY_COLUMNS = ("prefix", "hash", "scopes", "description", "expires_at")
CREDENTIAL_COLUMNS = ("provider", "key_version", "salt", "iv", "data")
LOCK_COLUMNS = ("id", "target_kind", "target", "message", "expires_at")

_NOW = "round((julianday('now') - 2440587.5) * 86400.0, 3)"

_DUMP = """
import honker, json, sys
database = honker.open(sys.argv[1])
rows = database.query("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'")
print(json.dumps([row["sql"] for row in rows]))
"""

Statement = tuple[str, tuple[Any, ...]]


def triggers() -> str:
    keyed = {"peers": "peer_id", "api_keys": "prefix", "credentials": "provider"}
    tables = keyed | dict.fromkeys(
        ("peer_terms", "access_grants", "locks", "invites", "claims", "forwarding_rules"), "id"
    )
    return "".join(trigger for table, key in tables.items() for trigger in _table_triggers(table, key))


def _table_triggers(table: str, key: str) -> list[str]:
    def notify(op: str, row: str) -> str:
        payload = f"json_object('op', '{op}', 'table', '{table}', 'id', {row}.{key}, 'at', {_NOW})"
        return f"INSERT INTO _honker_notifications (channel, payload) VALUES ('{table}_changed', {payload});"

    bodies = {
        "insert": ("INSERT", "", notify("insert", "NEW")),
        "delete": ("DELETE", "", notify("delete", "OLD")),
        "update": ("UPDATE", f"WHEN NEW.{key} IS OLD.{key}", notify("update", "NEW")),
        "rename": ("UPDATE", f"WHEN NEW.{key} IS NOT OLD.{key}", notify("delete", "OLD") + notify("insert", "NEW")),
    }
    return [
        f"CREATE TRIGGER {table}_{name} AFTER {event} ON {table} {condition} BEGIN {body} END;\n"
        for name, (event, condition, body) in bodies.items()
    ]


@functools.cache
def honker_tables() -> str:
    """honker's own tables, as honker makes them. A node that already follows the file may be first."""
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-c", _DUMP, str(Path(directory) / "honker.db")]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)
    return re.sub(r"(?m)^CREATE (TABLE|INDEX)", r"CREATE \1 IF NOT EXISTS", ";\n".join(json.loads(done.stdout))) + ";\n"


def peer_values(peer: PeerEntry) -> tuple[Any, ...]:
    return (
        peer.peer_id,
        json.dumps(peer.fingerprints),
        peer.auth_token_hash,
        json.dumps(peer.scopes),
        json.dumps(dict(peer.resources)),
        peer.display_name,
        int(peer.enabled),
    )


def key_values(key: ApiKeyEntry) -> tuple[Any, ...]:
    return key.prefix, key.hash, json.dumps(key.scopes), key.description, key.expires_at


def put_peer(peer: PeerEntry) -> Statement:
    """An upsert of one peer."""
    return _upsert("peers", PEER_COLUMNS), peer_values(peer)


def put_key(key: ApiKeyEntry) -> Statement:
    """An upsert of one API key."""
    return _upsert("api_keys", KEY_COLUMNS), key_values(key)


def put_credential(provider: str, sealed: EncryptedData) -> Statement:
    """An upsert of one sealed credential: the columns of the contract alone, bytes as literals."""
    literals = ", ".join(f"x'{value.hex()}'" for value in (sealed.salt, sealed.iv, sealed.data))
    upsert = _upsert("credentials", CREDENTIAL_COLUMNS).replace("?, ?, ?, ?, ?", f"?, ?, {literals}")
    return upsert, (provider, sealed.key_version)


def put_lock(lock: Lock) -> Statement:
    """An upsert of one lock."""
    values = (lock.lock_id, lock.kind.value, lock.target, lock.message, lock.expires_at)
    return _upsert("locks", LOCK_COLUMNS), values


def put_term(term: Term) -> Statement:
    """An upsert of the end of a peer or a key."""
    values = (term.term_id, term.peer_id, term.fingerprint, term.expires_at)
    return _upsert("peer_terms", ("id", "peer_id", "fingerprint", "expires_at")), values


def put_grant(grant: Grant) -> Statement:
    """An upsert of one grant."""
    values = (grant.grant_id, grant.peer_id, json.dumps(grant.scopes), grant.resource_type, grant.resource)
    columns = ("id", "peer_id", "scopes", "resource_type", "resource", "expires_at")
    return _upsert("access_grants", columns), (*values, grant.expires_at)


def put_invite(invite: Invite) -> Statement:
    """An upsert of one invitation without rights."""
    values = (invite.invite_id, invite.code_hash, "[]", "{}", invite.uses_left, invite.uses_left, invite.expires_at, 1)
    columns = ("id", "code_hash", "scopes", "resources", "uses", "uses_left", "expires_at", "needs_approval")
    return _upsert("invites", columns), values


def put_outcome(outcome: Outcome) -> Statement:
    """An upsert of one claim."""
    values = (outcome.claim_id, outcome.number, "first", f"ed25519:{1:064x}", 1, 1.5, outcome.state, outcome.peer_id)
    columns = ("id", "number", "invite_id", "fingerprint", "asked", "at", "state", "peer_id")
    return _upsert("claims", columns), values


def put_rule(placed: Placed) -> Statement:
    """An upsert of one forwarding rule."""
    rule = placed.rule
    lists = (json.dumps(list(part)) for part in (rule.principals, rule.transports, rule.directions))
    columns = ("id", "position", "action", "target", "principals", "transports", "directions")
    return _upsert("forwarding_rules", columns), (rule.rule_id, placed.position, rule.action, str(rule.target), *lists)


def put_peers(peers: Iterable[PeerEntry]) -> list[Statement]:
    return [put_peer(peer) for peer in peers]


def _upsert(table: str, columns: tuple[str, ...]) -> str:
    places = ", ".join("?" * len(columns))
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns[1:])
    insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"
    return f"{insert} ON CONFLICT ({columns[0]}) DO UPDATE SET {changes}"
