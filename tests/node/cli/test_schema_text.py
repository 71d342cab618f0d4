"""Schemas in a few words."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.cli.schema_text import LONGEST, schema_text


class Inner(msgspec.Struct):
    city: str


class Outer(msgspec.Struct):
    to: Inner
    tags: list[str] = []
    note: str | None = None


LOOP: dict[str, Any] = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({}, "any"),
        (None, "any"),
        (False, "nothing"),
        ({"type": "object"}, "object"),
        ({"type": ["string", "null"]}, "string | null"),
        ({"enum": ["a", 1]}, "'a' | 1"),
        ({"const": True}, "True"),
        (msgspec.json.schema(Outer), "{to: {city: string}, tags?: [string], note?: string | null}"),
        (msgspec.json.schema(list[int | None]), "[integer | null]"),
        (LOOP, "…"),
    ],
)
def test_the_shape_of_a_schema(schema: Any, text: str) -> None:
    assert schema_text(schema) == text


def test_a_long_schema_is_cut() -> None:
    many = {"properties": {f"member{number}": {"type": "string"} for number in range(50)}}
    assert len(schema_text(many)) == LONGEST
    wide: Any = {"type": "string"}
    for _ in range(20):
        wide = {"anyOf": [wide] * 20}
    assert len(schema_text(wide)) <= LONGEST


KEYS = st.sampled_from(["$ref", "$defs", "anyOf", "enum", "const", "type", "items", "properties", "required", "a"])
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=80) | st.just("#/$defs/a"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=15,
)


@given(JUNK)
def test_whatever_another_node_calls_a_schema_has_a_text(schema: Any) -> None:
    assert len(schema_text(schema)) <= LONGEST
