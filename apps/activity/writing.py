"""Rows of a batch in one statement each: the rows go as JSON, and SQLite takes them apart.

A batch is written while the write lock is held and other threads want the interpreter. One statement lets go of the
interpreter once, whatever the number of rows, and needs no text of SQL that grows with them: a tenth of the time of
Django's bulk_create.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Model

from apps.activity.models import Connection, Event, Presence
from apps.activity.records import began

_EVENT = (
    *("journal", "number", "at", "boot", "kind", "connection", "peer_id", "fingerprint", "alpn", "address", "reason"),
    "detail",
)
_CONNECTION = ("boot", "connection", "peer_id", "fingerprint", "alpn", "address", "since")
_PRESENCE = ("peer_id", "last_seen", "last_address", "last_alpn")
_SEEN_AGAIN = """
    ON CONFLICT (peer_id) DO UPDATE SET last_seen = max(last_seen, excluded.last_seen),
    last_address = coalesce(excluded.last_address, last_address), last_alpn = coalesce(excluded.last_alpn, last_alpn)"""


def encoded(event: Event) -> str:
    """An event as `insert_events` wants it: made before the transaction begins."""
    values = [getattr(event, name) for name in _EVENT]
    values[2] = stored(event.at)
    values[-1] = json.dumps(event.detail)
    return json.dumps(values)


def insert_events(events: Sequence[Event], rows: Iterable[str]) -> None:
    """Insert them in their order and give them their ids; `rows` are what `encoded` made of each."""
    _insert(Event, _EVENT, f"[{','.join(rows)}]")
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_insert_rowid()")
        last = cursor.fetchone()[0]
    # AUTOINCREMENT counts by one, and nobody else writes in this transaction.
    for event, number in zip(events, range(last - len(events) + 1, last + 1), strict=True):
        event.pk = number


def insert_connections(events: Iterable[Event]) -> None:
    """Those whose beginnings these events are."""
    rows = [[*(getattr(event, name) for name in _CONNECTION[:-1]), stored(began(event))] for event in events]
    _insert(Connection, _CONNECTION, json.dumps(rows))


def upsert_presence(rows: Iterable[tuple[str, datetime, str | None, str | None]]) -> None:
    """Peer, time, address and protocol of each; the last time stays the latest, and None keeps what is known."""
    values = [(peer_id, stored(at), address or None, alpn or None) for peer_id, at, address, alpn in rows]
    _insert(Presence, _PRESENCE, json.dumps(values), _SEEN_AGAIN)


def stored(at: datetime) -> str:
    """A time as its column has it."""
    return str(connection.ops.adapt_datetimefield_value(at))


def _insert(model: type[Model], columns: Sequence[str], rows: str, conflict: str = "") -> None:
    # ON CONFLICT needs the WHERE: without one SQLite takes it for the join's.
    values: Any = ", ".join(f"json_extract(value, '$[{place}]')" for place in range(len(columns)))
    sql = (
        f"INSERT INTO {model._meta.db_table} ({', '.join(columns)})"  # noqa: S608 - names of this module alone
        f" SELECT {values} FROM json_each(%s) WHERE true ORDER BY key{conflict}"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [rows])
