"""A map that never changes, and of which a changed copy is cheap.

A copy of a dict with 100,000 entries takes milliseconds, and so does its end: at every edit of one peer. Here the
entries lie in many small dicts, and a copy shares all of them but the few that differ.
"""

from collections.abc import Iterator, Mapping, ValuesView
from itertools import chain
from typing import Generic, TypeVar

V = TypeVar("V")

SHARDS = 256
"""A power of two. 100,000 entries make shards of about 400, which are copied in microseconds."""

_MASK = SHARDS - 1


class ShardedMap(Mapping[str, V]):
    """An immutable mapping. A lookup is two subscripts; the order of iteration means nothing."""

    __slots__ = ("_shards",)

    def __init__(self, shards: list[dict[str, V]] | None = None) -> None:
        """Takes the list over: only this module may call it with one."""
        self._shards = _empty_shards() if shards is None else shards

    def __getitem__(self, key: str) -> V:
        return self._shards[hash(key) & _MASK][key]

    def get(self, key: str, default: V | None = None) -> V | None:  # type: ignore[override]  # without its overloads
        return self._shards[hash(key) & _MASK].get(key, default)

    def __contains__(self, key: object) -> bool:
        return key in self._shards[hash(key) & _MASK]

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(self._shards)

    def __len__(self) -> int:
        return sum(map(len, self._shards))

    def __repr__(self) -> str:
        return f"ShardedMap({dict(self)!r})"

    def values(self) -> ValuesView[V]:
        return _Values(self)

    def patched(self, changes: Mapping[str, V | None]) -> "ShardedMap[V]":
        """A copy with these entries changed; None removes one. This map stays as it is."""
        if not changes:
            return self
        shards = self._shards.copy()
        for number in {hash(key) & _MASK for key in changes}:
            shards[number] = shards[number].copy()
        for key, value in changes.items():
            shard = shards[hash(key) & _MASK]
            if value is None:
                shard.pop(key, None)
            else:
                shard[key] = value
        return ShardedMap(shards)


class ShardedMapBuilder(Generic[V]):
    """Collects entries for a ShardedMap. Not to be used after `build`."""

    __slots__ = ("_shards",)

    def __init__(self) -> None:
        self._shards: list[dict[str, V]] = [{} for _ in range(SHARDS)]

    def __setitem__(self, key: str, value: V) -> None:
        self._shards[hash(key) & _MASK][key] = value

    def get(self, key: str) -> V | None:
        return self._shards[hash(key) & _MASK].get(key)

    def build(self) -> ShardedMap[V]:
        return ShardedMap(self._shards)


class _Values(ValuesView[V]):
    """The values without a lookup for each."""

    _mapping: ShardedMap[V]

    def __iter__(self) -> Iterator[V]:
        for shard in self._mapping._shards:
            yield from shard.values()


def _empty_shards() -> list[dict[str, V]]:
    """The shards of an empty map: one dict, many times over, which is safe because no shard is ever changed."""
    return [{}] * SHARDS
