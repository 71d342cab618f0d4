"""A record of the journal as a row of ours. The journal caps and cleans its texts; here that is not believed."""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from django.utils import timezone

from apps.activity.models import Event
from node.core.journal import EventKind
from node.core.text import printable

MAX_DETAIL = 4096
"""Characters of one detail as JSON; a longer one is left out."""
_MAX_INTEGER = 2**63 - 1
_LIMITS = {field.name: field.max_length or 0 for field in Event._meta.concrete_fields if hasattr(field, "max_length")}


class Record(Protocol):
    """What is read of a row of the journal (node.journal.schema.Record)."""

    @property
    def number(self) -> int: ...
    @property
    def at(self) -> float: ...
    @property
    def boot(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def connection(self) -> int | None: ...
    @property
    def peer_id(self) -> str | None: ...
    @property
    def fingerprint(self) -> str | None: ...
    @property
    def alpn(self) -> str | None: ...
    @property
    def address(self) -> str | None: ...
    @property
    def reason(self) -> str: ...
    @property
    def detail(self) -> Mapping[str, Any]: ...


def event_of(journal: str, record: Record) -> Event:
    """The row of a record, not saved. A kind that is unknown here is kept as it is."""
    return Event(
        journal=journal,
        number=record.number,
        at=moment(record.at),
        boot=_text(record.boot, "boot") or "",
        kind=_text(record.kind, "kind") or "unknown",
        connection=_integer(record.connection),
        peer_id=_text(record.peer_id, "peer_id"),
        fingerprint=_text(record.fingerprint, "fingerprint"),
        alpn=_text(record.alpn, "alpn"),
        address=_text(record.address, "address"),
        reason=_text(record.reason, "reason") or "",
        detail=_detail(record.detail),
    )


def began(event: Event) -> datetime:
    """When the connection began that an event is the beginning of: who signs in may have been connected for a while."""
    since = event.detail.get("since") if event.kind == EventKind.SIGNED_IN else None
    return event.at if since is None else moment(since)


def moment(at: object) -> datetime:
    """Unix seconds as a time in UTC; what is none is now."""
    if isinstance(at, int | float) and not isinstance(at, bool) and math.isfinite(at):
        try:
            return datetime.fromtimestamp(at, UTC)
        except (OverflowError, ValueError, OSError):
            return timezone.now()
    return timezone.now()


def _text(value: object, column: str) -> str | None:
    """One line without control characters, as long as the column at most."""
    if value is None:
        return None
    text = value[: _LIMITS[column]] if isinstance(value, str) else ""
    return text if text.isprintable() else printable(text)


def _integer(value: object) -> int | None:
    fits = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _MAX_INTEGER
    return int(value) if fits and isinstance(value, int) else None


def _detail(value: object) -> dict[str, Any]:
    """Plain JSON of a bounded size; `{"unreadable": true}` or `{"too_long": true}` in the place of anything else."""
    if not isinstance(value, Mapping):
        return {"unreadable": True}
    try:
        text = json.dumps(dict(value), allow_nan=False)
        text.encode()
    except (TypeError, ValueError, RecursionError):
        return {"unreadable": True}
    if len(text) > MAX_DETAIL:
        return {"too_long": True}
    cleaned: dict[str, Any] = json.loads(text)
    return cleaned
