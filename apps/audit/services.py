"""Writing the audit log. Services of other apps call `record` inside the transaction of their change."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC
from typing import Any

from django.db import transaction
from django.dispatch import Signal
from django.utils import timezone

from apps.audit import rows
from apps.audit.actors import Actor
from apps.audit.chain import Link, Row, next_hash
from apps.audit.request_id import current_request_id

Facts = Mapping[str, Any]
"""An object's state as JSON types. Whoever makes it leaves secrets out."""


recorded = Signal()
"""Sent with `actor` and a list of `changes` in their transaction, after the rows: whoever hears it may raise."""


class NotInTransaction(RuntimeError):
    """An audit row outside the transaction of its change could outlive the change, or be lost without it."""


@dataclass(frozen=True, slots=True)
class Change:
    """What was done to one object, and its state before and after; None where it did not exist."""

    action: str
    object_type: str
    object_id: str
    before: Facts | None = None
    after: Facts | None = None
    texts: tuple[str | None, str | None] | None = field(default=None, kw_only=True)
    """`before` and `after` as JSON where they were put into words beforehand."""


def worded(change: Change) -> Change:
    """The same with its JSON made. For who has very many, before the transaction, in which others have to wait."""
    return replace(change, texts=_texts(change))


def record(*, actor: Actor, changes: Iterable[Change]) -> None:
    """Add one row for each change to the transaction that is open. Raises NotInTransaction where none is.

    A transaction holds SQLite's one write lock from its beginning, so that no other writer comes between the last row
    that is read here and the ones that follow it.
    """
    if not transaction.get_connection().in_atomic_block:
        raise NotInTransaction
    told = list(changes)
    rows.append(_chained(actor, told))
    recorded.send(sender=Change, actor=actor, changes=told)


def _chained(actor: Actor, changes: Iterable[Change]) -> Iterator[Link]:
    """The changes as rows, each with its hash."""
    last, digest = rows.head()
    at = str(timezone.now().astimezone(UTC).replace(tzinfo=None))
    request_id = current_request_id.get()
    for number, change in enumerate(changes, start=last + 1):
        row = Row(
            number,
            at,
            str(actor.kind.value),
            str(actor.name),
            str(change.action),
            str(change.object_type),
            str(change.object_id),
            *(change.texts or _texts(change)),
            request_id,
        )
        digest = next_hash(digest, row)
        yield Link(row, digest)


def _texts(change: Change) -> tuple[str | None, str | None]:
    return _text(change.before), _text(change.after)


def _text(facts: Facts | None) -> str | None:
    return None if facts is None else json.dumps(facts)
