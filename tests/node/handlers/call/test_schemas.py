"""Schemas: what compiles, what is told of a fault, and what an input can cost."""

import socket
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.handlers.call.schemas import MAX_DEPTH, Schema, SchemaError

ORDER = {
    "type": "object",
    "properties": {
        "count": {"type": "integer", "minimum": 1},
        "tags": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]+$"}},
        "to": {"$ref": "#/$defs/address"},
    },
    "required": ["count"],
    "additionalProperties": False,
    "$defs": {"address": {"type": "object", "required": ["city"]}},
}
CANARY = "canary-7f3a91"


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ({"count": 1, "tags": ["a"], "to": {"city": ""}}, None),
        ({}, "missing required field: count"),
        ({"count": 1, "to": {}}, "missing required field: to.city"),
        ({"count": CANARY}, "$.count breaks the rule “type” of the schema"),
        ({"count": 0}, "$.count breaks the rule “minimum” of the schema"),
        ({"count": 1, "tags": ["a", CANARY]}, "$.tags[1] breaks the rule “pattern” of the schema"),
        ({"count": 1, CANARY: 1}, "$ breaks the rule “additionalProperties” of the schema"),
        ([CANARY], "$ breaks the rule “type” of the schema"),
    ],
)
def test_a_fault_is_told_by_place_and_rule_and_never_by_value(value: Any, fault: str | None) -> None:
    assert Schema(ORDER).fault(value) == fault


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"type": "text"}, r"at \$\.type"),
        ({"properties": {"a": {"minimum": "low"}}}, r"at \$\.properties\.a\.minimum"),
        ({"$ref": "#/$defs/nowhere"}, "does not exist"),
        ({"$ref": "https://schemas.example/order.json"}, "no schema is fetched"),
        ({"$ref": "file:///etc/hostname"}, "no schema is fetched"),
        ({"pattern": "(?=a)b"}, "linear time"),
        ({"pattern": r"(a)\1"}, "linear time"),
        ({"pattern": "((a{100}){100}){100}"}, "stay small"),
        ({"patternProperties": {"(": {}}}, r"at \$\.patternProperties"),
    ],
)
def test_a_schema_that_cannot_be_held_to_does_not_compile(document: dict[str, Any], said: str) -> None:
    with pytest.raises(SchemaError, match=said):
        Schema(document)


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        with pytest.raises(SchemaError):
            Schema({"$ref": f"http://127.0.0.1:{listener.getsockname()[1]}/schema"})
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_no_pattern_can_be_made_to_take_long() -> None:
    """Each of these takes a backtracking engine longer than anybody waits: 2 to the power of 50 000 steps."""
    schema = Schema({"pattern": "^(a+)+$", "allOf": [{"pattern": "^(a|a)*$"}, {"pattern": "^(a|aa)+$"}]})
    started = time.process_time()
    assert schema.fault("a" * 50_000 + "!") is not None
    assert time.process_time() - started < 60  # a bound that only a runaway would miss


def nested(levels: int) -> Any:
    return msgspec.json.decode(b"[" * levels + b"1" + b"]" * levels)


def test_a_schema_that_refers_to_itself_is_asked_about_so_many_levels() -> None:
    """Deeper ones could take more stack than there is: the process would end."""
    schema: dict[str, Any] = {"items": {"$ref": "#"}, "type": ["array", "integer"]}
    for _ in range(50):
        schema = {"allOf": [schema]}
    assert Schema(schema).fault(nested(MAX_DEPTH)) is None
    for levels in (MAX_DEPTH + 1, 900):
        assert Schema(schema).fault(nested(levels)) == f"$ is nested more than {MAX_DEPTH} levels deep"


def test_the_place_of_a_deep_fault_is_told_in_short() -> None:
    fault = Schema({"type": "array", "items": {"$ref": "#"}}).fault(nested(MAX_DEPTH))
    assert fault is not None
    assert "“type”" in fault
    assert len(fault) < 400


def test_depth_is_no_matter_without_a_reference() -> None:
    assert Schema({"type": "array"}).fault(nested(900)) is None


def test_an_empty_schema_takes_everything() -> None:
    assert Schema({}).fault(object()) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(JSON)
def test_every_json_value_is_judged(value: Any) -> None:
    fault = Schema(ORDER).fault(value)
    fits = isinstance(value, dict) and set(value) <= {"count", "tags", "to"} and "count" in value
    assert fault is None or isinstance(fault, str)
    assert fits or fault is not None
