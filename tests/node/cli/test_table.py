"""Columns for people."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.cli.table import size, table


def test_columns_line_up() -> None:
    assert table(("A", "LONG"), [("x", "1"), ("longer", "2")]) == "A       LONG\nx       1\nlonger  2"


@given(st.lists(st.tuples(st.text(), st.text()), max_size=5))
def test_no_cell_can_break_its_line_or_steer_the_terminal(rows: list[tuple[str, str]]) -> None:
    shown = table(("A", "B"), rows)
    assert len(shown.split("\n")) == len(rows) + 1
    assert all(char.isprintable() for char in shown.replace("\n", ""))


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "-"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (3 * 1024**2, "3.0 MiB"),
        (2**60, "1048576.0 TiB"),
    ],
)
def test_bytes_are_told_in_units(count: int | None, text: str) -> None:
    assert size(count) == text
