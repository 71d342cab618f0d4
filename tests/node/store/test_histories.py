"""A delta gives the same index as a full reload, whatever happened: random histories against a slow oracle."""

import asyncio
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.core.credential_index import Credentials
from node.core.index import PeerIndex
from node.core.locks import LockIndex
from node.core.peers import PeerEntry
from node.core.sharded import ShardedMap
from node.store.changes import OutOfStep, current_position, read_changes
from node.store.database import open_database
from node.store.limits import StoreLimits
from node.store.loader import load_index
from node.store.reader import RowReader
from node.store.sqlite import SqliteStore
from tests.support.fresh import fresh
from tests.support.memory_database import MemoryDatabase
from tests.support.random_changes import changes, commits, pages, random_change, random_peer
from tests.support.sql_writer import sql_writer
from tests.support.store_changes import Change, put, reinsert
from tests.support.store_model import NAMES, Model


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
        before, index = index, delta.applied_to(index)
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
        index = delta.applied_to(loaded.index)
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
