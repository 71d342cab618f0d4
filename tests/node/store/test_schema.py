"""What Django's migrations make is what the node reads, and what these tests write."""

import json
from pathlib import Path
from typing import Any

import pytest

from node.core.credentials import EncryptedData
from node.core.enrolment.index import ClaimState, Invite, Outcome
from node.core.forwarding.rules import Placed, build_rule
from node.core.grants import Grant, Grants
from node.core.locks import Lock, LockKind
from node.core.paths import DataPaths
from node.core.peers import ApiKeyEntry, PeerEntry
from node.core.terms import Term, Terms, term_id
from node.store.changes import CHANNELS
from node.store.sqlite import SqliteStore
from tests.node.store.conftest import manage
from tests.support.eventually import within
from tests.support.fresh import fresh
from tests.support.schema import (
    put_credential,
    put_grant,
    put_invite,
    put_key,
    put_lock,
    put_outcome,
    put_peer,
    put_rule,
    put_term,
)
from tests.support.sql_writer import SqlWriter, sql_writer

ANN = PeerEntry("ann", (f"ed25519:{1:064x}",), f"sha256:{1:064x}", ("a",), {"repo": ("web",)}, "Ann")
KEY = ApiKeyEntry("alk_1234", f"sha256:{2:064x}", ("k",), "for tests", 2_000_000_000)
LOCK = Lock("one", LockKind.PEER, "ann", "away", 2_000_000_000.5)
TERM = Term(term_id("ann"), "ann", "", 2_000_000_000.5)
GRANT = Grant("one", "ann", ("b",), "repo", "docs", 2_000_000_000.5)
INVITE = Invite("first", f"sha256:{3:064x}", 2, 2_000_000_000.5)
OUTCOME = Outcome("claim", ClaimState.QUEUED, "", 7)
RULE = Placed(1, build_rule(target="10.0.0.0/8", action="allow", principals=["ann"], transports=["tcp"], rule_id="one"))
SEALED = EncryptedData(2, bytes(32), bytes(12), bytes(range(40)))


def columns(writer: SqlWriter, table: str) -> list[tuple[str, str, int, int]]:
    """Name, type, NOT NULL, place in the primary key."""
    rows = writer.query(f"SELECT name, lower(type), [notnull], pk FROM pragma_table_info('{table}')")
    return sorted((name, kind, required, key) for name, kind, required, key in rows)


@pytest.mark.parametrize("table", CHANNELS)
def test_the_tests_schema_is_the_migrated_one(migrated: SqlWriter, writer: SqlWriter, table: str) -> None:
    assert columns(writer, table) == columns(migrated, table)


def test_both_notify_in_the_same_words(migrated: SqlWriter, writer: SqlWriter) -> None:
    steps: list[Any] = [
        put_peer(ANN),
        "UPDATE peers SET display_name = NULL WHERE peer_id = 'ann'",
        "UPDATE peers SET peer_id = 'anna' WHERE peer_id = 'ann'",
        "DELETE FROM peers WHERE peer_id = 'anna'",
        put_key(KEY),
        "UPDATE api_keys SET description = ''",
        "UPDATE api_keys SET prefix = 'alk_4321'",
        "DELETE FROM api_keys",
        put_credential("openai", SEALED),
        "UPDATE credentials SET key_version = 3",
        "UPDATE credentials SET provider = 'github'",
        "DELETE FROM credentials",
        put_term(TERM),
        "UPDATE peer_terms SET expires_at = 1",
        "UPDATE peer_terms SET id = ' bob', peer_id = 'bob'",
        "DELETE FROM peer_terms",
        put_grant(GRANT),
        "UPDATE access_grants SET expires_at = 1",
        "UPDATE access_grants SET id = 'two'",
        "DELETE FROM access_grants",
        put_lock(LOCK),
        "UPDATE locks SET target = 'bob'",
        "UPDATE locks SET id = 'two'",
        "DELETE FROM locks",
        put_invite(INVITE),
        "UPDATE invites SET uses_left = 0",
        "UPDATE invites SET id = 'second'",
        "DELETE FROM invites",
        put_outcome(OUTCOME),
        "UPDATE claims SET number = 9",
        "UPDATE claims SET id = 'second'",
        "DELETE FROM claims",
        put_rule(RULE),
        "UPDATE forwarding_rules SET position = 3",
        "UPDATE forwarding_rules SET id = 'two'",
        "DELETE FROM forwarding_rules",
    ]
    assert told(migrated, steps) == told(writer, steps)


def told(writer: SqlWriter, steps: list[Any]) -> list[tuple[str, str, str, str]]:
    """Channel, op, table and id of each notification that the steps leave; `at` is a time in seconds."""
    before = writer.last_notification()
    for step in steps:
        writer.commit(step)
    rows = writer.query(f"SELECT channel, payload FROM _honker_notifications WHERE id > {before} ORDER BY id")
    payloads = [(channel, json.loads(payload)) for channel, payload in rows]
    assert all(
        isinstance(payload["at"], float) and payload.keys() == {"op", "table", "id", "at"} for _, payload in payloads
    )
    return [(channel, payload["op"], payload["table"], payload["id"]) for channel, payload in payloads]


async def test_the_node_reads_the_migrated_tables(migrated: SqlWriter) -> None:
    store = SqliteStore(migrated.path)
    await store.start()
    await within(store.wait_loaded())
    migrated.commit(put_peer(ANN), put_key(KEY), put_credential("openai", SEALED), put_lock(LOCK))
    migrated.commit(put_invite(INVITE), put_outcome(OUTCOME), put_term(TERM), put_grant(GRANT), put_rule(RULE))
    await fresh(store, migrated)
    assert (dict(store.index.peers), dict(store.index.api_keys)) == ({"ann": ANN}, {"alk_1234": KEY})
    assert dict(store.credentials) == {"openai": SEALED}
    assert dict(store.index.terms.terms) == {" ann": TERM}
    assert dict(store.index.grants.grants) == {"one": GRANT}
    assert store.locks.locks == {"one": LOCK}
    assert (store.enrolment.invites, store.enrolment.outcomes) == ({"first": INVITE}, {"claim": OUTCOME})
    assert store.forwarding.value.rules == (RULE.rule,)
    migrated.commit("DELETE FROM peers", "DELETE FROM api_keys", "DELETE FROM credentials", "DELETE FROM locks")
    migrated.commit("DELETE FROM invites", "DELETE FROM claims", "DELETE FROM peer_terms", "DELETE FROM access_grants")
    migrated.commit("DELETE FROM forwarding_rules")
    await fresh(store, migrated)
    assert (len(store.index.peers), len(store.index.api_keys), len(store.credentials)) == (0, 0, 0)
    assert (store.index.terms, store.index.grants) == (Terms(), Grants())
    assert not any((store.locks.locks, store.enrolment.invites, store.enrolment.outcomes))
    assert store.forwarding.value.rules == ()
    await store.stop()


async def test_a_store_started_first_fills_when_django_migrates(tmp_path: Path) -> None:
    paths = DataPaths(tmp_path)
    store = SqliteStore(paths.database)
    await store.start()
    manage(tmp_path, "migrate", "--verbosity", "0")
    await within(store.wait_loaded())
    with sql_writer(paths.database) as process:
        process.commit(put_peer(ANN))
        await fresh(store, process)
    assert dict(store.index.peers) == {"ann": ANN}
    await store.stop()
