"""A delta gives the same index as a full reload, whatever happened: random histories against a slow oracle.

The oracle is a dict of what each row holds, and the rules of spec core §8: enabled peers in the order of their names.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.core.credential_index import Credentials
from node.core.credentials import EncryptedData
from node.core.identity import Identity
from node.core.index import PeerIndex
from node.core.locks import Lock, LockIndex, LockKind
from node.core.peers import ApiKeyEntry, PeerEntry
from node.core.sharded import ShardedMap
from node.core.tokens import hash_token
from node.store.changes import OutOfStep, current_position, read_changes
from node.store.database import open_database
from node.store.limits import StoreLimits
from node.store.loader import load_index
from node.store.reader import RowReader
from node.store.sqlite import SqliteStore
from tests.support.fresh import fresh
from tests.support.memory_database import MemoryDatabase
from tests.support.schema import Statement, put_credential, put_key, put_lock, put_peer
from tests.support.sql_writer import sql_writer

NAMES = ["ann", "bob", "cyd", "dée", "eve's\u2009\""]
KEYS = [f"ed25519:{n:064x}" for n in range(4)]
TOKENS = [hash_token(f"token {n}") for n in range(2)]
PREFIXES = ["alk_aaaa", "alk_bbbb"]
JUNK = [
    ("fingerprints", "[1]"),
    ("fingerprints", "no json"),
    ("auth_token_hash", "sha256:short"),
    ("scopes", '["two words"]'),
    ("scopes", '{"a": 1}'),
    ("resources", "[]"),
    ("resources", '{"repo": "web"}'),
    ("enabled", "perhaps"),
    ("enabled", 7),
    ("display_name", "two\nlines"),
]
PROVIDERS = ["openai", "git hub", "ünï'\""]
SEALED = [EncryptedData(version, bytes(version), bytes(12), bytes([version]) * 20) for version in (2, 3)]
LOCK_IDS = ["1", "two", "dreí'\""]
LOCKS = [
    (LockKind.PEER, "ann", "", None),
    (LockKind.PEER, "ann", "away", 5.5),
    (LockKind.SCOPE, "a", "", 9.0),
    (LockKind.ALPN, "test/é", "", None),
    (LockKind.CREDENTIAL, "openai", "spent", 7.25),
    (LockKind.EVERYTHING, "", "maintenance", None),
]
LOCK_JUNK = [
    ("target_kind", "pear"),
    ("target", "two\nlines"),
    ("target", b"\xff"),
    ("message", "two\nlines"),
    ("message", b"\xff"),
    ("expires_at", "soon"),
]
SEALED_JUNK = [("key_version", "two"), ("key_version", 0), ("iv", "a text"), ("salt", 7), ("data", "")]


@dataclass
class Model:
    """What the rows hold: the oracle. A row that cannot be read is None."""

    peers: dict[str, PeerEntry | None] = field(default_factory=dict)
    keys: dict[str, ApiKeyEntry] = field(default_factory=dict)
    sealed: dict[str, EncryptedData | None] = field(default_factory=dict)
    locks: dict[str, Lock | None] = field(default_factory=dict)

    def holder(self, credential: str) -> Identity | None:
        for _, peer in sorted(self.peers.items()):
            if peer and peer.enabled and credential in (*peer.fingerprints, peer.auth_token_hash):
                return Identity(peer.peer_id, peer.scopes, peer.resources)
        return None

    def agrees(self, index: PeerIndex, credentials: Credentials, locks: LockIndex) -> bool:
        return (
            dict(locks.locks) == {name: lock for name, lock in self.locks.items() if lock}
            and dict(credentials) == {name: sealed for name, sealed in self.sealed.items() if sealed}
            and dict(index.peers) == {name: peer for name, peer in self.peers.items() if peer}
            and dict(index.api_keys) == self.keys
            and all(index.resolve_fingerprint(name) == self.holder(name) for name in KEYS + TOKENS)
        )


Change = Callable[[Model], list[Statement]]
"""One change: done to the model, and given as SQL."""


def put(peer: PeerEntry) -> Change:
    def change(model: Model) -> list[Statement]:
        model.peers[peer.peer_id] = peer
        return [put_peer(peer)]

    return change


def reinsert(peer: PeerEntry) -> Change:
    """The row gets a new rowid, so a load that is under way may read both the old row and this one."""

    def change(model: Model) -> list[Statement]:
        model.peers[peer.peer_id] = peer
        return [("DELETE FROM peers WHERE peer_id = ?", (peer.peer_id,)), put_peer(peer)]

    return change


def spoil(name: str, junk: tuple[str, object]) -> Change:
    def change(model: Model) -> list[Statement]:
        if name in model.peers:
            model.peers[name] = None
        column, value = junk
        return [(f"UPDATE peers SET {column} = ? WHERE peer_id = ?", (value, name))]

    return change


def remove(name: str) -> Change:
    def change(model: Model) -> list[Statement]:
        model.peers.pop(name, None)
        return [("DELETE FROM peers WHERE peer_id = ?", (name,))]

    return change


def rename(old: str, new: str) -> Change:
    def change(model: Model) -> list[Statement]:
        if new not in model.peers and old in model.peers:
            peer = model.peers.pop(old)
            model.peers[new] = peer and replace(peer, peer_id=new)
        return [("UPDATE OR IGNORE peers SET peer_id = ? WHERE peer_id = ?", (new, old))]

    return change


def toggle(name: str) -> Change:
    def change(model: Model) -> list[Statement]:
        peer = model.peers.get(name)
        if peer is None:
            return []
        model.peers[name] = replace(peer, enabled=not peer.enabled)
        return [("UPDATE peers SET enabled = NOT enabled WHERE peer_id = ?", (name,))]

    return change


def put_api_key(key: ApiKeyEntry) -> Change:
    def change(model: Model) -> list[Statement]:
        model.keys[key.prefix] = key
        return [put_key(key)]

    return change


def remove_api_key(prefix: str) -> Change:
    def change(model: Model) -> list[Statement]:
        model.keys.pop(prefix, None)
        return [("DELETE FROM api_keys WHERE prefix = ?", (prefix,))]

    return change


def seal(provider: str, sealed: EncryptedData) -> Change:
    def change(model: Model) -> list[Statement]:
        model.sealed[provider] = sealed
        return [put_credential(provider, sealed)]

    return change


def reseal(provider: str, sealed: EncryptedData) -> Change:
    """The row gets a new rowid."""

    def change(model: Model) -> list[Statement]:
        model.sealed[provider] = sealed
        return [("DELETE FROM credentials WHERE provider = ?", (provider,)), put_credential(provider, sealed)]

    return change


def spoil_sealed(provider: str, junk: tuple[str, object]) -> Change:
    def change(model: Model) -> list[Statement]:
        if provider in model.sealed:
            model.sealed[provider] = None
        column, value = junk
        return [(f"UPDATE credentials SET {column} = ? WHERE provider = ?", (value, provider))]

    return change


def remove_sealed(provider: str) -> Change:
    def change(model: Model) -> list[Statement]:
        model.sealed.pop(provider, None)
        return [("DELETE FROM credentials WHERE provider = ?", (provider,))]

    return change


def rename_sealed(old: str, new: str) -> Change:
    def change(model: Model) -> list[Statement]:
        if new not in model.sealed and old in model.sealed:
            model.sealed[new] = model.sealed.pop(old)
        return [("UPDATE OR IGNORE credentials SET provider = ? WHERE provider = ?", (new, old))]

    return change


def place(lock: Lock) -> Change:
    def change(model: Model) -> list[Statement]:
        model.locks[lock.lock_id] = lock
        return [put_lock(lock)]

    return change


def replace_lock(lock: Lock) -> Change:
    """The row gets a new rowid."""

    def change(model: Model) -> list[Statement]:
        model.locks[lock.lock_id] = lock
        return [("DELETE FROM locks WHERE id = ?", (lock.lock_id,)), put_lock(lock)]

    return change


def spoil_lock(lock_id: str, junk: tuple[str, object]) -> Change:
    """Where it can be told what it locks, it goes on locking that."""
    column, value = junk

    def change(model: Model) -> list[Statement]:
        lock = model.locks.get(lock_id)
        if lock is not None and column == "message":
            model.locks[lock_id] = replace(lock, message="")
        elif lock is not None and column == "expires_at":
            model.locks[lock_id] = replace(lock, expires_at=None)
        elif lock is not None and (column == "target_kind" or lock.kind is not LockKind.EVERYTHING):
            model.locks[lock_id] = None
        stored = "CAST(x'ff' AS TEXT)" if isinstance(value, bytes) else "?"
        values = (lock_id,) if isinstance(value, bytes) else (value, lock_id)
        return [(f"UPDATE locks SET {column} = {stored} WHERE id = ?", values)]

    return change


def lift(lock_id: str) -> Change:
    def change(model: Model) -> list[Statement]:
        model.locks.pop(lock_id, None)
        return [("DELETE FROM locks WHERE id = ?", (lock_id,))]

    return change


def rename_lock(old: str, new: str) -> Change:
    def change(model: Model) -> list[Statement]:
        if new not in model.locks and old in model.locks:
            lock = model.locks.pop(old)
            model.locks[new] = lock and replace(lock, lock_id=new)
        return [("UPDATE OR IGNORE locks SET id = ? WHERE id = ?", (new, old))]

    return change


names = st.sampled_from(NAMES)
lock_ids = st.sampled_from(LOCK_IDS)
placed = st.builds(lambda name, fields: Lock(name, *fields), lock_ids, st.sampled_from(LOCKS))
providers, sealed = st.sampled_from(PROVIDERS), st.sampled_from(SEALED)
entries = st.builds(
    PeerEntry,
    peer_id=names,
    fingerprints=st.lists(st.sampled_from(KEYS), unique=True, max_size=2).map(tuple),
    auth_token_hash=st.none() | st.sampled_from(TOKENS),
    scopes=st.lists(st.sampled_from(["a", "b"]), unique=True, max_size=2).map(tuple),
    enabled=st.booleans(),
)
api_keys = st.builds(ApiKeyEntry, st.sampled_from(PREFIXES), st.sampled_from(TOKENS), expires_at=st.none() | st.just(9))
changes = st.one_of(
    entries.map(put),
    entries.map(reinsert),
    st.builds(spoil, names, st.sampled_from(JUNK)),
    names.map(remove),
    st.builds(rename, names, names),
    names.map(toggle),
    api_keys.map(put_api_key),
    st.sampled_from(PREFIXES).map(remove_api_key),
    st.builds(seal, providers, sealed),
    st.builds(reseal, providers, sealed),
    st.builds(spoil_sealed, providers, st.sampled_from(SEALED_JUNK)),
    providers.map(remove_sealed),
    st.builds(rename_sealed, providers, providers),
    placed.map(place),
    placed.map(replace_lock),
    st.builds(spoil_lock, lock_ids, st.sampled_from(LOCK_JUNK)),
    lock_ids.map(lift),
    st.builds(rename_lock, lock_ids, lock_ids),
)
commits = st.lists(changes, max_size=4)
pages = st.integers(1, 5)


def commit(database: MemoryDatabase, model: Model, commit: list[Change]) -> None:
    database.commit(*(statement for change in commit for statement in change(model)))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(commits, min_size=1, max_size=2), max_size=5), pages)
async def test_deltas_give_what_a_full_reload_gives(history: list[list[list[Change]]], page_rows: int) -> None:
    await follow(history, page_rows)


@pytest.mark.parametrize("seeds", [range(250), pytest.param(range(250, 5_000), marks=pytest.mark.soak)])
async def test_seeded_histories_do_too(seeds: range) -> None:
    for seed in seeds:
        chance = random.Random(seed)
        history = [
            [[random_change(chance) for _ in range(chance.randint(0, 4))] for _ in range(chance.randint(1, 2))]
            for _ in range(chance.randint(1, 5))
        ]
        await follow(history, page_rows=chance.randint(1, 5))


async def follow(history: list[list[list[Change]]], page_rows: int) -> None:
    """Each inner list is a commit, each list of them what one wake finds."""
    database, model, index, reader = MemoryDatabase(), Model(), PeerIndex(), RowReader()
    credentials: Credentials = ShardedMap()
    locks = LockIndex()
    position = current_position(database)
    for wake in history:
        for step in wake:
            commit(database, model, step)
        delta = await read_changes(database, position, reader, page_rows=page_rows)
        before, index = index, index.apply(delta.peers, delta.api_keys, delta.position.last_id)
        credentials = credentials.patched(delta.credentials)
        locks = locks.patched(delta.locks, delta.position.last_id)
        position = delta.position
        loaded = await load_index(database, reader, before, page_rows=page_rows)
        assert model.agrees(index, credentials, locks)
        assert dict(loaded.credentials) == dict(credentials)
        assert dict(loaded.locks.locks) == dict(locks.locks)
        assert replace(loaded.index, generation=0) == replace(index, generation=0)
        assert loaded.position == position
    database.close()


@settings(max_examples=100, deadline=None)
@given(st.lists(changes, min_size=3, max_size=12), st.lists(commits, min_size=1, max_size=8), pages)
async def test_a_load_is_right_whatever_is_committed_between_its_pages(
    before: list[Change], during: list[list[Change]], page_rows: int
) -> None:
    database, model = MemoryDatabase(), Model()
    commit(database, model, before)
    left = iter(during)

    def interfere() -> None:
        if (step := next(left, None)) is not None:
            commit(database, model, step)

    database.before_query = interfere
    loaded = await load_index(database, RowReader(), PeerIndex(), page_rows=page_rows)
    assert model.agrees(loaded.index, loaded.credentials, loaded.locks)
    database.close()


@settings(max_examples=100, deadline=None)
@given(st.lists(commits, min_size=1, max_size=6), st.integers(0, 6), st.integers(0, 12), pages)
async def test_pruned_notifications_are_never_taken_for_no_change(
    history: list[list[Change]], seen: int, kept: int, page_rows: int
) -> None:
    database, model, reader = MemoryDatabase(), Model(), RowReader()
    for step in history[:seen]:
        commit(database, model, step)
    loaded = await load_index(database, reader, PeerIndex(), page_rows=page_rows)
    for step in history[seen:]:
        commit(database, model, step)
    database.commit(
        (
            "DELETE FROM _honker_notifications WHERE id NOT IN "
            "(SELECT id FROM _honker_notifications ORDER BY id DESC LIMIT ?)",
            (kept,),
        )
    )
    try:
        delta = await read_changes(database, loaded.position, reader, page_rows=page_rows)
        index = loaded.index.apply(delta.peers, delta.api_keys, delta.position.last_id)
        credentials = loaded.credentials.patched(delta.credentials)
        locks = loaded.locks.patched(delta.locks, delta.position.last_id)
    except OutOfStep:
        loaded = await load_index(database, reader, loaded.index, page_rows=page_rows)
        index, credentials, locks = loaded.index, loaded.credentials, loaded.locks
    assert model.agrees(index, credentials, locks)
    database.close()


async def test_a_load_is_right_though_another_process_reinserts_peers_between_its_pages(tmp_path: Path) -> None:
    """Each loads a page, then sees rows that it has read come again, with other keys or disabled."""
    chance, model, index = random.Random(11), Model(), PeerIndex()
    with sql_writer(tmp_path / "alknet.db") as writer:
        writer.migrate()
        writer.commit(*(statement for name in NAMES for statement in put(PeerEntry(name))(model)))
        with open_database(writer.path) as database:
            for _ in range(60):
                loading = asyncio.create_task(load_index(database, RowReader(), index, page_rows=chance.randint(1, 4)))
                for _ in range(chance.randint(1, 6)):
                    await asyncio.sleep(0)
                    if loading.done():
                        break
                    peers = [random_peer(chance) for _ in range(chance.randint(1, 3))]
                    writer.commit(*(statement for peer in peers for statement in reinsert(peer)(model)))
                loaded = await loading
                index = loaded.index
                assert model.agrees(index, loaded.credentials, loaded.locks)


async def test_a_live_store_follows_random_histories_of_another_process(tmp_path: Path) -> None:
    chance, model = random.Random(7), Model()
    with sql_writer(tmp_path / "alknet.db") as writer:
        writer.migrate()
        store = SqliteStore(writer.path, StoreLimits(page_rows=3, max_delta=12))
        await store.start()
        for _ in range(40):
            for _ in range(chance.randint(1, 4)):
                steps = [random_change(chance) for _ in range(chance.choice((1, 2, 3, 20)))]
                writer.commit(*(statement for change in steps for statement in change(model)))
            await fresh(store, writer)
            assert model.agrees(store.index, store.credentials, store.locks)
        await store.stop()


def random_peer(chance: random.Random) -> PeerEntry:
    return PeerEntry(
        chance.choice(NAMES),
        tuple(chance.sample(KEYS, chance.randint(0, 2))),
        chance.choice([None, *TOKENS]),
        tuple(chance.sample(["a", "b"], chance.randint(0, 2))),
        enabled=chance.random() < 0.7,
    )


def random_change(chance: random.Random) -> Change:
    peer, other = random_peer(chance), chance.choice(NAMES)
    name = peer.peer_id
    lock_id = chance.choice(LOCK_IDS)
    prefix, provider, blob = chance.choice(PREFIXES), chance.choice(PROVIDERS), chance.choice(SEALED)
    return chance.choice(
        [
            put(peer),
            put(peer),
            reinsert(peer),
            spoil(name, chance.choice(JUNK)),
            remove(name),
            rename(name, other),
            toggle(name),
            put_api_key(ApiKeyEntry(prefix, chance.choice(TOKENS))),
            remove_api_key(prefix),
            seal(provider, blob),
            reseal(provider, blob),
            spoil_sealed(provider, chance.choice(SEALED_JUNK)),
            remove_sealed(provider),
            rename_sealed(provider, chance.choice(PROVIDERS)),
            place(Lock(lock_id, *chance.choice(LOCKS))),
            replace_lock(Lock(lock_id, *chance.choice(LOCKS))),
            spoil_lock(lock_id, chance.choice(LOCK_JUNK)),
            lift(lock_id),
            rename_lock(lock_id, chance.choice(LOCK_IDS)),
        ]
    )
