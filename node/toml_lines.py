"""Where in a TOML text each key stands, so that an error can name the line. tomllib itself does not tell."""

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

KeyPath = tuple[str, ...]


def key_lines(text: str) -> dict[KeyPath, int]:
    """The first line (from 1) of each statement that sets a key. `text` is valid TOML.

    Statements are told apart by parsing: lines are gathered until they parse on their own, which a string or an array
    over several lines does at its last line only.
    """
    lines: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for start, statement in _statements(text):
        parsed = tomllib.loads(statement)
        if statement.lstrip().startswith("["):
            table = _header_path(parsed)
            lines.setdefault(table, start)
        else:
            for path in _paths(parsed):
                lines.setdefault(table + path, start)
    return lines


def _statements(text: str) -> Iterator[tuple[int, str]]:
    pending, start = "", 1
    for number, line in enumerate(text.split("\n"), start=1):
        start = start if pending else number
        pending += line + "\n"
        if _parses(pending):
            yield start, pending
            pending = ""


def _parses(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _header_path(parsed: Any) -> KeyPath:
    """The one path through the nested tables that a [header] or [[header]] alone makes."""
    path: list[str] = []
    while isinstance(parsed, list) or parsed:
        if isinstance(parsed, list):
            parsed = parsed[0]
        else:
            name, parsed = next(iter(parsed.items()))
            path.append(name)
    return tuple(path)


def _paths(values: Mapping[str, Any], above: KeyPath = ()) -> Iterator[KeyPath]:
    for name, value in values.items():
        yield (*above, name)
        if isinstance(value, dict):
            yield from _paths(value, (*above, name))
