"""Peers as TOML: a table [[peers]] for each."""

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from apps.peers.portable.moments import moment, moments, written
from apps.peers.portable.rows import FIELDS, MAX_ROWS, Faults, Row, refuse, too_many
from apps.peers.terms import PeerState

MAX_DOTS = 16
"""Dots outside of quotes in one line. What tomllib does with a dotted key grows with the square of its parts."""

_READ: Mapping[str, Callable[[Any], Any]] = {"expires_at": moment, "key_expires_at": moments}
_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*+"?|\'[^\'\n]*+\'?')


def write(states: Iterable[PeerState]) -> str:
    """The file. What is empty is left out, but for lists, which would else be left as they are."""
    return "\n".join(map(_table, states))


def read(text: str) -> list[Row]:
    """The rows. A place is the number of the table in the file. Raises ImportRefused."""
    _refuse_long_keys(text)
    try:
        document = tomllib.loads(text)
    except RecursionError:
        raise refuse("file", "It is nested too deep.") from None
    except ValueError as error:
        raise refuse("file", f"Not TOML: {error}.") from None
    faults = Faults()
    tables = document.pop("peers", [])
    for name in document:
        faults.add("file", f"There is no “{name[:64]}” in a file of peers, only tables [[peers]].")
    if not isinstance(tables, list):
        raise refuse("file", "The peers are tables [[peers]].")
    if len(tables) > MAX_ROWS:
        raise too_many(f"peer {MAX_ROWS + 1}")
    rows = [_row(f"peer {number}", table, faults) for number, table in enumerate(tables, start=1)]
    faults.end()
    return rows


def _row(place: str, table: Any, faults: Faults) -> Row:
    if not isinstance(table, dict):
        faults.add(place, "A peer is a table.")
        return Row(place, {})
    for name in table:
        if name not in FIELDS:
            faults.add(place, f"{name[:64]}: There is no such field.")
    for name in _READ.keys() & table.keys():
        try:
            table[name] = _READ[name](table[name])
        except ValueError as error:
            faults.add(place, f"{name}: {error}")
    return Row(place, table)


def _refuse_long_keys(text: str) -> None:
    for number, line in enumerate(_QUOTED.sub("", text).split("\n"), start=1):
        if line.partition("#")[0].count(".") > MAX_DOTS:
            raise refuse(f"line {number}", "Not TOML that names peers: a key of so many parts.")


def _table(state: PeerState) -> str:
    entry, terms = state.entry, state.terms.kept_to(state.entry.fingerprints)
    lines = ["[[peers]]", f"peer_id = {_text(entry.peer_id)}"]
    lines.append(f"display_name = {_text(entry.display_name or '')}")
    lines.append(f"enabled = {'true' if entry.enabled else 'false'}")
    lines.append(f"keys = {_list(entry.fingerprints)}")
    lines.append(f"scopes = {_list(entry.scopes)}")
    lines.append(f"resources = {_map({kind: _list(names) for kind, names in entry.resources.items()})}")
    lines.append(f"expires_at = {_text(written(terms.expires_at))}")
    ends = {name: _text(written(end)) for name, end in terms.key_expires_at.items()}
    lines.append(f"key_expires_at = {_map(ends)}")
    lines.append(f"notes = {_text(terms.notes)}")
    return "\n".join(lines) + "\n"


def _map(values: Mapping[str, str]) -> str:
    """An inline table; the values are TOML already."""
    pairs = ", ".join(f"{_text(name)} = {value}" for name, value in values.items())
    return f"{{ {pairs} }}" if pairs else "{}"


def _list(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(_text, texts))}]"


def _text(text: str) -> str:
    """A basic string: the escapes of JSON are TOML's too, which wants one more."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
