"""Where an input names a resource (spec call §12, §15)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.handlers.call.pointer import parse_pointer, text_at

DEEP = {"data": {"id": "xyz", "ids": ["a", "b"]}, "a/b": {"~": "tilde"}, "": {"x": "empty"}, "n": 42, "top": "t"}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$.data.id", "xyz"),
        ("$.data/id", "xyz"),
        ("$/data/id", "xyz"),
        ("$.top", "t"),
        ("$.data.ids.1", "b"),
        ("$.a~1b.~0", "tilde"),
        ("$..x", "empty"),
        ("$.data.ids.2", None),
        ("$.data.ids.01", None),
        ("$.data.ids.-1", None),
        ("$.data.ids.²", None),
        ("$.data.ids." + "9" * 5000, None),
        ("$.n", None),
        ("$.data", None),
        ("$.top.more", None),
        ("$.missing.id", None),
        ("containerId", None),
        ("$", None),
        ("", None),
        ("$data", None),
    ],
)
def test_every_spelling_of_the_spec_and_nothing_else(path: str, found: str | None) -> None:
    assert text_at(DEEP, parse_pointer(path)) == found


@given(
    st.text(alphabet="$./~01ab", max_size=12),
    st.recursive(
        st.none() | st.text(max_size=2),
        lambda inner: (
            st.lists(inner, max_size=2) | st.dictionaries(st.text(alphabet="ab", max_size=1), inner, max_size=2)
        ),
        max_leaves=5,
    ),
)
def test_no_path_and_no_input_is_an_error(path: str, value: Any) -> None:
    found = text_at(value, parse_pointer(path))
    assert found is None or isinstance(found, str)
