"""A JSON Schema in a few words for a table: `{title: string, stars?: integer}`.

Schemas come from other nodes: whatever they are, a text comes out, and soon.
"""

from collections.abc import Mapping
from typing import Any

LONGEST = 60
"""Characters of a whole text."""
_DEEPEST = 5
_MOST = 6
"""Levels, and members or choices of one level, that are looked at."""


def schema_text(schema: Any) -> str:
    """The shape of the values that a schema takes, cut where it gets long."""
    definitions = schema.get("$defs") if isinstance(schema, Mapping) else None
    text = _text(schema, definitions if isinstance(definitions, Mapping) else {}, 0)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _text(schema: Any, definitions: Mapping[str, Any], depth: int) -> str:
    if depth > _DEEPEST:
        return "…"
    if not isinstance(schema, Mapping):
        return "nothing" if schema is False else "any"
    if isinstance(reference := schema.get("$ref"), str):
        return _text(definitions.get(reference.removeprefix("#/$defs/")), definitions, depth + 1)
    for choices in (schema.get("anyOf"), schema.get("oneOf")):
        if isinstance(choices, list):
            return " | ".join(_text(choice, definitions, depth + 1) for choice in choices[:_MOST])
    if isinstance(values := schema.get("enum"), list):
        return " | ".join(_value(value) for value in values[:_MOST])
    if "const" in schema:
        return _value(schema["const"])
    return _of_type(schema, definitions, depth)


def _of_type(schema: Mapping[str, Any], definitions: Mapping[str, Any], depth: int) -> str:
    kind = schema.get("type")
    members = schema.get("properties")
    if kind == "array":
        return f"[{_text(schema.get('items'), definitions, depth + 1)}]"
    if isinstance(members, Mapping) and members:
        return _object(schema, members, definitions, depth)
    if isinstance(kind, list):
        return " | ".join(str(one)[:LONGEST] for one in kind[:_MOST])
    return kind[:LONGEST] if isinstance(kind, str) else "any"


def _object(schema: Mapping[str, Any], members: Mapping[str, Any], definitions: Mapping[str, Any], depth: int) -> str:
    required = schema.get("required")
    needed = required if isinstance(required, list) else []
    shown = [
        f"{str(name)[:LONGEST]}{'' if name in needed else '?'}: {_text(member, definitions, depth + 1)}"
        for name, member in list(members.items())[:_MOST]
    ]
    return f"{{{', '.join(shown)}}}"


def _value(value: Any) -> str:
    """Nothing large is turned into text whole."""
    return repr(value[:LONGEST]) if isinstance(value, str) else str(value) if isinstance(value, (int, float)) else "…"
