"""JSON Schema: compiled once, bounded, and silent about what it was shown.

Schemas are of draft 2020-12. Nothing is fetched: a reference leads to a place inside the same schema, or the schema
does not compile. Patterns run on an engine whose time is linear in the text, so no input can make one take long; what
only a backtracking engine can do (look-around, back-references) does not compile either, nor does a pattern that would
take more than a mebibyte. `format` is a remark, not a check, as the draft has it.

The checker descends with the value where a schema refers to itself, so such a value has a bounded depth. What a schema
asks to be tried over and over (choices of choices of the same) is tried: schemas are code, and of another node none
is compiled.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from jsonschema_rs import Draft202012Validator, RegexOptions, ValidationError

from node.core.text import printable

_MAX_PATTERN = 1024 * 1024
"""Bytes of memory that one compiled pattern may take, and that matching with it may."""
_MAX_PLACE = 200
"""Characters of a place that are told. The names of members in it may be the caller's."""
MAX_DEPTH = 128
"""Levels of a value that a schema with references may be asked about. The checker needs stack for each."""
_PATTERNS = RegexOptions(size_limit=_MAX_PATTERN, dfa_size_limit=_MAX_PATTERN)


class SchemaError(ValueError):
    """The schema is none, or asks for more than we do. Its text says where and why."""


class Schema:
    """A compiled schema. `{}` and anything else that holds for every value costs nothing to ask."""

    __slots__ = ("_refers", "_validator")

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Raises SchemaError."""
        self._validator = _compiled(document) if document else None
        self._refers = self._validator is not None and _has_references(document)

    def fault(self, value: Any) -> str | None:
        """What first is wrong with a JSON value: its place and the rule it breaks, never the value. None if it fits."""
        if self._validator is None:
            return None
        if self._refers and _is_deeper(value, MAX_DEPTH):
            return f"$ is nested more than {MAX_DEPTH} levels deep"
        try:
            self._validator.validate(value)
        except ValidationError as error:
            return _told(error)
        except (ValueError, RecursionError):
            return "it is no JSON value"
        return None


ANYTHING: Final = Schema({})


def place(steps: Sequence[str | int]) -> str:
    """A place in a value: `$` is the whole of it, `$.a[1]` the second element of its member `a`."""
    text = "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    text = printable(text)
    return text if len(text) <= _MAX_PLACE else text[:_MAX_PLACE] + "…"


def _compiled(document: Mapping[str, Any]) -> Draft202012Validator:
    try:
        return Draft202012Validator(dict(document), pattern_options=_PATTERNS, offline=True, validate_formats=False)
    except ValidationError as error:
        where = f" at {place(error.instance_path)}" if error.instance_path else ""
        raise SchemaError(f"{error.message}{where}{_advice(error)}") from None
    except (ValueError, RecursionError) as error:
        raise SchemaError(str(error)) from None


def _has_references(document: Mapping[str, Any]) -> bool:
    """Whether any member is named like one: `$ref`, `$dynamicRef`, or of an older draft. A property may be, too."""
    text = msgspec.json.encode(document)
    return b'"$ref"' in text or b'Ref"' in text


def _is_deeper(value: Any, levels: int) -> bool:
    inside = [value]
    for _ in range(levels + 1):
        containers = [one for one in inside if isinstance(one, (dict, list))]
        if not containers:
            return False
        inside = [child for one in containers for child in (one.values() if isinstance(one, dict) else one)]
    return True


def _advice(error: ValidationError) -> str:
    if "Retrieval is disabled" in error.message:
        return "; no schema is fetched from elsewhere: copy it below $defs"
    if error.instance_path and error.instance_path[-1] in ("pattern", "patternProperties"):
        return "; patterns are matched in linear time, without look-around and back-references, and stay small"
    return ""


def _told(error: ValidationError) -> str:
    """The library's own message may hold the value; what is told is made of the schema and the place."""
    where = place(error.instance_path)
    rule = next((str(step) for step in reversed(error.schema_path) if isinstance(step, str)), "schema")
    if rule != "required":
        return f"{where} breaks the rule “{rule}” of the schema"
    missing = getattr(error.kind, "property", "")
    return f"missing required field: {place([*error.instance_path, missing]).removeprefix('$.')}"
