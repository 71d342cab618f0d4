"""Forwarding rules as the node follows them: a delta gives what a load gives, and damage opens nothing."""

import random
from pathlib import Path

import pytest

from node.core.forwarding.patterns import Any
from node.core.forwarding.policy import Action
from node.core.forwarding.rules import ForwardingProvider, Placed, build_rule, policy_of
from node.core.index import PeerIndex
from node.store.changes import current_position, read_changes
from node.store.loader import load_index
from node.store.reader import RowReader
from node.store.sqlite import SqliteStore
from tests.support.eventually import within
from tests.support.fresh import fresh
from tests.support.memory_database import MemoryDatabase
from tests.support.schema import Statement, put_rule
from tests.support.sql_writer import sql_writer

IDS = ("a", "b", "c")
JUNK = (
    "UPDATE forwarding_rules SET target = '10.0.*' WHERE id = ?",
    "UPDATE forwarding_rules SET target = x'ff' WHERE id = ?",
    "UPDATE forwarding_rules SET action = 'perhaps' WHERE id = ?",
    "UPDATE forwarding_rules SET principals = 'junk' WHERE id = ?",
    "UPDATE forwarding_rules SET transports = '[1]' WHERE id = ?",
    "UPDATE forwarding_rules SET directions = '{}' WHERE id = ?",
    "UPDATE forwarding_rules SET position = 'first' WHERE id = ?",
)
STEPS = (
    *JUNK,
    "DELETE FROM forwarding_rules WHERE id = ?",
    "UPDATE OR IGNORE forwarding_rules SET id = 'c' WHERE id = ?",
    "UPDATE forwarding_rules SET position = 4 - position WHERE id <> ?",
)


def placed(name: str, position: int, target: str = "*", action: str = "allow") -> Placed:
    return Placed(position, build_rule(target=target, action=action, rule_id=name))


def random_step(chance: random.Random) -> Statement:
    name = chance.choice(IDS)
    if chance.randrange(3) == 0:
        return chance.choice(STEPS), (name,)
    return put_rule(placed(name, chance.randrange(4), chance.choice(("a", "10.0.0.0/8")), chance.choice(list(Action))))


@pytest.mark.parametrize("seed", range(40))
async def test_deltas_give_what_a_load_gives(seed: int) -> None:
    chance, database, reader = random.Random(seed), MemoryDatabase(), RowReader()
    provider, position = ForwardingProvider(), current_position(database)
    assert position is not None
    for _ in range(chance.randint(1, 5)):
        database.commit(*(random_step(chance) for _ in range(chance.randint(1, 5))))
        delta = await read_changes(database, position, reader, page_rows=chance.randint(1, 4))
        provider.patch_rules(delta.rules)
        position = delta.position
        loaded = await load_index(database, reader, PeerIndex(), page_rows=chance.randint(1, 4))
        assert provider.forwarding.value == policy_of(loaded.rules.values())
    database.close()


@pytest.mark.parametrize("damage", JUNK)
async def test_a_damaged_rule_refuses_everything_in_its_place(damage: str) -> None:
    database, reader = MemoryDatabase(), RowReader()
    database.commit(*(put_rule(placed(name, place)) for place, name in enumerate(IDS)), (damage, ("b",)))
    rules = policy_of((await load_index(database, reader, PeerIndex(), page_rows=5)).rules.values()).rules
    refusing = next(rule for rule in rules if rule.rule_id == "b")
    assert (refusing.target, refusing.action, refusing.principals) == (Any(), Action.DENY, ())
    assert rules.index(refusing) == (0 if "position" in damage else 1)
    assert reader.bad_rows == 1
    database.close()


async def test_the_policy_follows_the_file(tmp_path: Path) -> None:
    with sql_writer(tmp_path / "alknet.db") as writer:
        writer.migrate()
        store = SqliteStore(writer.path)
        held, told = store.forwarding, list[int]()
        store.subscribe_rules(lambda: told.append(len(held.value.rules)))
        await store.start()
        await within(store.wait_loaded())
        assert (held.value.default, held.value.rules) == (Action.DENY, ())
        first, second = placed("one", 1, "a"), placed("two", 2, "b")
        writer.commit(put_rule(first), put_rule(second))
        await fresh(store, writer)
        assert held.value.rules == (first.rule, second.rule)
        writer.commit("UPDATE forwarding_rules SET position = 3 - position")
        await fresh(store, writer)
        assert held.value.rules == (second.rule, first.rule)
        writer.commit("UPDATE forwarding_rules SET note = 'the same to the node'")
        await fresh(store, writer)
        assert (store.forwarding_counts(), told) == ({"stored": 2}, [2, 2])
        await store.stop()
