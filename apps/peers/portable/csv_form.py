"""Peers as CSV (RFC 4180): a header, and a row for each. A row's number is the one that a spreadsheet shows.

A spreadsheet takes a cell that begins with =, +, - or @ for a formula and runs it. Before such a sign an apostrophe is
written, wherever a spreadsheet may see a cell begin, and taken away again where the file is read.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from apps.peers.drafts import split_keys
from apps.peers.portable.moments import moment, moments, written
from apps.peers.portable.rows import (
    FIELDS,
    MAX_EMPTY,
    MAX_ROWS,
    Faults,
    ImportRefused,
    Row,
    refuse,
    too_empty,
    too_many,
)
from apps.peers.terms import PeerState
from node.core.fingerprint import is_fingerprint

MAX_CELL = 1024 * 1024
"""Longest cell, in characters."""

_SIGN = r"(?='*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20])"
"""What a formula begins with, the full-width signs too, with any apostrophes before it."""
_BEGIN = r"""(^|[;\r\n]"*)"""
"""Where a spreadsheet may see a cell begin: where it does; and after each semicolon and on each line of it, since in
countries that write 1,5 a semicolon divides cells, and the quotes around this one then mean nothing."""
_FORMULA, _GUARDED = re.compile(_BEGIN + _SIGN), re.compile(f"{_BEGIN}'{_SIGN}")
_SWITCH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}

csv.field_size_limit(MAX_CELL)  # for the whole process, in which nothing else reads CSV


def write(states: Iterable[PeerState]) -> str:
    """The file. Cells with several values have a space between."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(FIELDS)
    writer.writerows([guarded(cell) for cell in _cells(state)] for state in states)
    return out.getvalue()


def read(text: str) -> list[Row]:
    """The rows. Columns may be missing and in any order; what divides them may be a comma, a semicolon or a tab."""
    records = _records(text)
    header = [unguarded(cell).strip().lower() for cell in next(records, [])]
    _check_header(header)
    faults, empty = Faults(), 0
    rows: list[Row] = []
    for number, record in enumerate(records, start=2):
        if not record or not any(cell.strip() for cell in record):
            empty += 1
            if empty > MAX_EMPTY:
                raise too_empty(f"row {number}")
            continue
        place = f"row {number}"
        if len(rows) == MAX_ROWS:
            raise too_many(place)
        rows.append(_row(place, header, record, faults))
    faults.end()
    return rows


def guarded(cell: str) -> str:
    """The cell as it is written: no formula."""
    return _FORMULA.sub(r"\1'", cell)


def unguarded(cell: str) -> str:
    """The cell as it was before `guarded`."""
    return _GUARDED.sub(r"\1", cell)


def _cells(state: PeerState) -> tuple[str, ...]:
    entry, terms = state.entry, state.terms.kept_to(state.entry.fingerprints)
    resources = {kind: list(names) for kind, names in entry.resources.items()}
    key_ends = {name: written(end) for name, end in terms.key_expires_at.items()}
    return (
        entry.peer_id,
        entry.display_name or "",
        "true" if entry.enabled else "false",
        " ".join(entry.fingerprints),
        " ".join(entry.scopes),
        _json(resources),
        "" if terms.expires_at is None else written(terms.expires_at),
        _json(key_ends),
        terms.notes,
    )


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False) if value else ""


def _records(text: str) -> Iterator[list[str]]:
    """Every record. Raises ImportRefused where the text is no CSV from here on."""
    number = 0
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        for record in reader:
            number += 1
            yield record
    except csv.Error as error:
        raise refuse(f"row {number + 1}", f"Not CSV: {error}.") from None


def _delimiter(text: str) -> str:
    """What stands between the names of the header: names have none of them."""
    header = text[:1024].partition("\n")[0]
    return max(",;\t", key=header.count)


def _check_header(header: list[str]) -> None:
    faults = Faults()
    for name in dict.fromkeys(header):
        if name not in FIELDS:
            known = ", ".join(FIELDS)
            faults.add("row 1", f"There is no column “{name[:64]}”. The columns are {known}, named in the first row.")
        elif header.count(name) > 1:
            faults.add("row 1", f"The column {name} is there twice.")
    if "peer_id" not in header:
        faults.add("row 1", "There has to be a column peer_id.")
    faults.end()


def _row(place: str, header: list[str], record: list[str], faults: Faults) -> Row:
    if len(record) != len(header):
        faults.add(place, f"It has {len(record)} cells, and the header {len(header)}.")
        return Row(place, {})
    values: dict[str, Any] = {}
    for name, cell in zip(header, record, strict=True):
        try:
            values |= _PARSERS[name](name, unguarded(cell))
        except ValueError as error:
            faults.add(place, f"{name}: {error}")
    return Row(place, values)


def _text(name: str, cell: str) -> Mapping[str, Any]:
    return {name: cell.strip()}


def _switch(name: str, cell: str) -> Mapping[str, Any]:
    """An empty cell says nothing."""
    word = cell.strip().lower()
    if not word:
        return {}
    if word not in _SWITCH:
        raise ValueError("This is true or false.")
    return {name: _SWITCH[word]}


def _keys(name: str, cell: str) -> Mapping[str, Any]:
    """However they are spelled: each on its line, or fingerprints with spaces between."""
    keys: list[str] = []
    for key in split_keys(cell):
        words = key.split()
        keys += words if all(map(is_fingerprint, words)) else [key]
    return {name: keys}


def _scopes(name: str, cell: str) -> Mapping[str, Any]:
    return {name: cell.replace(",", " ").split()}


def _resources(name: str, cell: str) -> Mapping[str, Any]:
    return {name: _object(cell, 'Resources are JSON, such as {"repo": ["web", "docs"]}.')}


def _end(name: str, cell: str) -> Mapping[str, Any]:
    """An empty cell is no end."""
    return {name: moment(cell)}


def _key_ends(name: str, cell: str) -> Mapping[str, Any]:
    return {name: moments(_object(cell, 'The ends of keys are JSON, such as {"ed25519:…": "2027-01-31T12:00:00Z"}.'))}


def _object(cell: str, wanted: str) -> Any:
    """JSON in a cell; an empty one is an empty object. Raises ValueError with `wanted` where it is none."""
    try:
        return json.loads(cell, object_pairs_hook=_without_repeats) if cell.strip() else {}
    except ImportRefused:
        raise ValueError("A name is there twice.") from None
    except (ValueError, RecursionError):
        raise ValueError(wanted) from None


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ImportRefused({})
    return dict(pairs)


_PARSERS: Mapping[str, Callable[[str, str], Mapping[str, Any]]] = {
    "peer_id": _text,
    "display_name": _text,
    "enabled": _switch,
    "keys": _keys,
    "scopes": _scopes,
    "resources": _resources,
    "expires_at": _end,
    "key_expires_at": _key_ends,
    "notes": _text,
}
