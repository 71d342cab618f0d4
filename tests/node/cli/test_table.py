"""Columns for people."""

from hypothesis import given
from hypothesis import strategies as st

from node.cli.table import table


def test_columns_line_up() -> None:
    assert table(("A", "LONG"), [("x", "1"), ("longer", "2")]) == "A       LONG\nx       1\nlonger  2"


@given(st.lists(st.tuples(st.text(), st.text()), max_size=5))
def test_no_cell_can_break_its_line_or_steer_the_terminal(rows: list[tuple[str, str]]) -> None:
    shown = table(("A", "B"), rows)
    assert len(shown.split("\n")) == len(rows) + 1
    assert all(char.isprintable() for char in shown.replace("\n", ""))
