"""Invitations and claims as the node follows them: a delta gives what a load gives, and damage lets nobody in."""

import random
import time
from pathlib import Path

import pytest

from node.core.enrolment.index import ClaimState, EnrolmentIndex, Invite, Outcome
from node.core.index import PeerIndex
from node.core.peers import PeerEntry
from node.store.changes import current_position, read_changes
from node.store.loader import load_index
from node.store.reader import RowReader
from node.store.sqlite import SqliteStore
from tests.support.eventually import within
from tests.support.fresh import fresh
from tests.support.memory_database import MemoryDatabase
from tests.support.schema import Statement, put_invite, put_outcome, put_peer
from tests.support.sql_writer import SqlWriter, sql_writer

IDS = ("a", "b", "c")
JUNK = (
    "UPDATE invites SET code_hash = x'00' WHERE id = ?",
    "UPDATE invites SET code_hash = 'junk' WHERE id = ?",
    "UPDATE invites SET uses_left = 'many' WHERE id = ?",
    "UPDATE invites SET expires_at = 'never' WHERE id = ?",
    "UPDATE claims SET state = 'pending' WHERE id = ?",
    "UPDATE claims SET peer_id = x'ff' WHERE id = ?",
    "UPDATE claims SET number = 'one' WHERE id = ?",
    "DELETE FROM invites WHERE id = ?",
    "DELETE FROM claims WHERE id = ?",
    "UPDATE OR IGNORE invites SET id = 'c' WHERE id = ?",
    "UPDATE OR IGNORE claims SET id = 'c' WHERE id = ?",
)


def random_step(chance: random.Random) -> Statement:
    name = chance.choice(IDS)
    kind = chance.randrange(4)
    if kind == 0:
        return chance.choice(JUNK), (name,)
    if kind == 1:
        state = chance.choice(list(ClaimState))
        return put_outcome(Outcome(name, state, "p" * (state is ClaimState.ADMITTED), chance.randrange(9)))
    end = time.time() + 100.5
    return put_invite(Invite(name, f"sha256:{IDS.index(name):064x}", chance.randrange(3), end))


@pytest.mark.parametrize("seed", range(60))
async def test_deltas_give_what_a_load_gives(seed: int) -> None:
    chance, database, reader = random.Random(seed), MemoryDatabase(), RowReader()
    index, position = EnrolmentIndex(), current_position(database)
    for _ in range(chance.randint(1, 5)):
        database.commit(*(random_step(chance) for _ in range(chance.randint(1, 5))))
        delta = await read_changes(database, position, reader, page_rows=chance.randint(1, 4))
        index, position = index.patched(delta.invites, delta.outcomes), delta.position
        loaded = (await load_index(database, reader, PeerIndex(), page_rows=chance.randint(1, 4))).enrolment
        assert (index.invites, index.outcomes) == (loaded.invites, loaded.outcomes)
    database.close()


@pytest.mark.parametrize("damage", JUNK[:4])
async def test_a_damaged_invitation_lets_nobody_in(damage: str) -> None:
    database, reader = MemoryDatabase(), RowReader()
    code = f"sha256:{1:064x}"
    database.commit(put_invite(Invite("a", code, 1, time.time() + 100.5)))
    good = await load_index(database, reader, PeerIndex(), page_rows=5)
    assert good.enrolment.invite_of(code, time.time()) is not None
    database.commit((damage, ("a",)))
    bad = await load_index(database, reader, PeerIndex(), page_rows=5)
    assert bad.enrolment.invite_of(code, time.time()) is None
    assert reader.bad_rows == 1
    database.close()


async def test_who_hears_that_it_was_admitted_is_known_by_then(tmp_path: Path) -> None:
    key = f"ed25519:{1:064x}"
    with sql_writer(tmp_path / "alknet.db") as writer:
        writer.migrate()
        await follow(writer, key)


async def follow(writer: SqlWriter, key: str) -> None:
    store = SqliteStore(writer.path)
    await store.start()
    try:
        await within(store.wait_loaded())
        writer.commit(put_outcome(Outcome("a", ClaimState.QUEUED, "", 5)))
        assert (await within(store.outcome("a", 5))).state is ClaimState.QUEUED
        assert await within(store.taken()) == {"a": 5}
        writer.commit(put_outcome(Outcome("a", ClaimState.ADMITTED, "p", 5)), put_peer(PeerEntry("p", (key,))))
        assert (await within(store.decision("a"))).peer_id == "p"
        assert store.resolve_from_fingerprint(key) is not None
        await fresh(store, writer)
    finally:
        await store.stop()
