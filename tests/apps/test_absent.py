"""All of several rows, or the error that names the first that there is not."""

import pytest

from apps.absent import all_of

ROWS = {"a": 1, "b": 2, "c": 3}


def test_rows_come_in_the_order_given_and_each_once() -> None:
    assert list(all_of(iter("cac"), lambda _: ROWS, KeyError).items()) == [("c", 3), ("a", 1)]


def test_each_name_is_looked_up_once() -> None:
    asked: list[list[str]] = []

    def look_up(names: list[str]) -> dict[str, int]:
        asked.append(names)
        return ROWS

    all_of("bab", look_up, KeyError)
    assert asked == [["b", "a"]]


def test_the_first_that_is_absent_is_named() -> None:
    with pytest.raises(LookupError, match="x"):
        all_of("axy", lambda _: ROWS, LookupError)
