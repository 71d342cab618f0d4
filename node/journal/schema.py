"""The tables of `node.db`, and how an event becomes a row and a row a record. User version 1."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import msgspec

from node.core.journal import Event
from node.core.text import printable

VERSION = 1
TABLES = (
    "CREATE TABLE journal_identity (id TEXT NOT NULL)",
    """CREATE TABLE events (
        number INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, boot TEXT NOT NULL, kind TEXT NOT NULL,
        connection INTEGER, peer_id TEXT, fingerprint TEXT, alpn TEXT, address TEXT,
        reason TEXT NOT NULL, detail TEXT NOT NULL)""",
    f"PRAGMA user_version = {VERSION}",
)

COLUMNS = ("at", "boot", "kind", "connection", "peer_id", "fingerprint", "alpn", "address", "reason", "detail")

INSERT = f"""
    INSERT INTO events (number, {", ".join(COLUMNS)})
    SELECT ? + key, {", ".join(f"json_extract(value, '$[{place}]')" for place in range(len(COLUMNS)))}
    FROM json_each(?)"""  # noqa: S608 - constants of this module
"""All rows of a batch in one statement: the first number, then the rows as JSON. Half the time of a statement each."""

MAX_TEXT = 512
"""Characters of one text in a row."""
MAX_DETAIL = 4096
"""Bytes of one detail in a row; a longer one is left out."""


@dataclass(frozen=True, slots=True)
class Record:
    """One row of the journal: `number` grows, and is never given twice. `detail` is what its JSON says."""

    number: int
    at: float
    boot: str
    kind: str
    connection: int | None
    peer_id: str | None
    fingerprint: str | None
    alpn: str | None
    address: str | None
    reason: str
    detail: dict[str, Any]


def row(event: Event, boot: str) -> tuple[Any, ...]:
    """The columns of an event in their order. Texts are one line each and clipped: much of them comes from outside."""
    return (
        event.at,
        boot,
        event.kind.value,
        event.connection,
        _text(event.peer_id),
        _text(event.fingerprint),
        _text(event.alpn),
        _text(event.address),
        _text(event.reason) or "",
        _detail(event),
    )


def record(found: Any) -> Record:
    """The record of a row that was read. A detail that is no object reads as an empty one."""
    values = {name: found[name] for name in ("number", *COLUMNS)}
    try:
        values["detail"] = msgspec.json.decode(values["detail"], type=dict[str, Any])
    except (msgspec.DecodeError, TypeError):
        values["detail"] = {}
    return Record(**values)


def _text(text: str | None) -> str | None:
    return None if text is None else printable(text[:MAX_TEXT])


def _detail(event: Event) -> str:
    try:
        encoded = msgspec.json.encode(event.detail, enc_hook=_plain)
    except (TypeError, ValueError, RecursionError):
        return '{"unreadable":true}'
    return encoded.decode() if len(encoded) <= MAX_DETAIL else '{"too_long":true}'


def _plain(value: Any) -> Any:
    if isinstance(value, MappingProxyType):
        return dict(value)
    raise TypeError
