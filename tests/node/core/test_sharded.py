"""The map that shares what does not change, against a plain dict."""

from hypothesis import given
from hypothesis import strategies as st

from node.core.sharded import SHARDS, ShardedMap, ShardedMapBuilder

keys = st.sampled_from([f"key {number}" for number in range(12)]) | st.text(max_size=3)
changes = st.dictionaries(keys, st.none() | st.integers(), max_size=6)


def built(entries: dict[str, int]) -> ShardedMap[int]:
    builder = ShardedMapBuilder[int]()
    for key, value in entries.items():
        builder[key] = value
    return builder.build()


@given(st.lists(changes, max_size=6), st.lists(keys))
def test_it_is_what_a_dict_with_the_same_changes_is(history: list[dict[str, int | None]], asked: list[str]) -> None:
    sharded, plain = ShardedMap[int](), dict[str, int]()
    for step in history:
        before, frozen = sharded, dict(plain)
        sharded = sharded.patched(step)
        plain = {key: value for key, value in (plain | step).items() if value is not None}
        assert before == frozen
        assert sharded == plain
        assert sharded == built(plain)
        assert (len(sharded), sorted(sharded), sorted(sharded.values())) == (
            len(plain),
            sorted(plain),
            sorted(plain.values()),
        )
        assert [sharded.get(key, -1) for key in asked] == [plain.get(key, -1) for key in asked]
        assert [key in sharded for key in asked] == [key in plain for key in asked]


def test_a_copy_shares_all_but_what_changed() -> None:
    before = built({f"key {number}": number for number in range(10 * SHARDS)})
    after = before.patched({"key 7": None, "new": 1})
    shared = sum(old is new for old, new in zip(before._shards, after._shards, strict=True))
    assert shared >= SHARDS - 2
    assert (before["key 7"], "new" in before) == (7, False)


def test_no_change_is_no_copy() -> None:
    some = built({"a": 1})
    assert some.patched({}) is some


def test_empty_maps_share_nothing_that_could_be_written() -> None:
    first, second = ShardedMap[int](), ShardedMap[int]()
    assert first.patched({"a": 1}) == {"a": 1}
    assert second == {}
    assert first == {}
