"""Long tests come first where several workers share all tests out (tests.support.order)."""

from types import SimpleNamespace

import pytest

from tests.support.order import long_first

LONG = [f"tests/e2e/test_{file}.py::test_{number}" for file in "abcde" for number in range(3)]
SHORT = [f"tests/node/test_{number}.py::test_it" for number in range(40)]


def order(names: list[str], workers: int) -> list[str]:
    return [item.nodeid for item in long_first([SimpleNamespace(nodeid=name) for name in names], workers)]  # type: ignore[misc]


@pytest.mark.parametrize("workers", [2, 3, 4, 7])
def test_every_other_part_begins_with_long_ones_and_none_is_lost(workers: int) -> None:
    names = order([*SHORT[:20], *LONG, *SHORT[20:]], workers)
    assert sorted(names) == sorted([*LONG, *SHORT])
    begin = 0
    for number in range(workers):
        size = (len(names) - begin) // (workers - number)  # as xdist cuts them
        part = names[begin : begin + size]
        begin += size
        count = sum(name in LONG for name in part)
        assert (count > 0) == (number % 2 == 0)
        assert all(name in LONG for name in part[:count]), "they are its first"


@pytest.mark.parametrize("names", [[], LONG, SHORT, [*LONG, SHORT[0]]])
def test_none_is_lost_where_nearly_all_are_of_one_kind(names: list[str]) -> None:
    assert sorted(order(names, 3)) == sorted(names)


def test_a_file_stays_together() -> None:
    names = order([*LONG, *SHORT], 3)
    files = [name.split("::")[0] for name in names]
    assert all(
        files[at : at + 3] == [name] * 3
        for name in set(files) & {one.split("::")[0] for one in LONG}
        for at in [files.index(name)]
    )
