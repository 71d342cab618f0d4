"""Writes of the table `locks`. A lock is placed and lifted, never changed: what it held is then plain from the log."""

import time
from collections.abc import Iterable
from dataclasses import asdict
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.audit.actors import Actor
from apps.audit.services import Change, record
from apps.audit.words import who_words
from apps.credentials import selectors as credentials
from apps.locks import selectors
from apps.locks.models import Lock
from apps.locks.selectors import LockFacts
from apps.peers import errors as peer_errors
from apps.peers import selectors as peers
from node.core.locks import InvalidLock, LockKind, check_message, check_reason, check_target
from node.core.peers import check_end

OBJECT_TYPE = "lock"


class LockAction(StrEnum):
    """What the audit log says was done."""

    PLACED = "lock.placed"
    LIFTED = "lock.lifted"
    REMOVED = "lock.removed"
    """Of one that had come to its end before."""
    FOLLOWED = "lock.followed"
    """A peer was renamed, and its locks with it."""


def lock(
    *,
    actor: Actor,
    target_kind: str,
    target: str,
    reason: str,
    message: str = "",
    expires_at: float | None = None,
) -> LockFacts:
    """Hold something back from the commit on, up to `expires_at` (unix seconds; None: until it is lifted)."""
    with transaction.atomic():
        columns = plan_lock(target_kind, target, reason=reason, message=message, expires_at=expires_at)
        who = {"created_at": timezone.now(), "created_by": who_words(actor.kind, actor.name)}
        placed = selectors.facts(Lock.objects.create(**columns | who))
        record(actor=actor, changes=[change_of(LockAction.PLACED, None, placed)])
        return placed


def unlock(*, actor: Actor, lock_id: str) -> LockFacts:
    """Lift a lock, or remove one that holds no longer; the lock as it was."""
    with transaction.atomic():
        gone = selectors.find_lock(lock_id)
        _remove(actor, [gone])
        return gone


def remove_expired(*, actor: Actor) -> int:
    """Remove every lock that has come to its end. Returns how many went."""
    with transaction.atomic():
        over = [selectors.facts(row) for row in selectors.ended()]
        _remove(actor, over)
        return len(over)


def follow_rename(sender: Any, *, actor: Actor, old: str, new: str, **_: Any) -> None:
    """A lock on a peer stays on it whatever its name. Called inside the transaction that renames the peer."""
    for row in Lock.objects.filter(target_kind=LockKind.PEER, target=old):
        before = selectors.facts(row)
        row.target = new
        row.save(update_fields=["target"])
        record(actor=actor, changes=[change_of(LockAction.FOLLOWED, before, selectors.facts(row))])


def plan_lock(
    target_kind: str, target: str, *, reason: str = "", message: str = "", expires_at: float | None = None
) -> dict[str, Any]:
    """The columns that `lock` would store. For forms, which show what is wrong before anything is written."""
    errors = {"target": _check_target(target_kind, target)} | _wrong_terms(reason, message, expires_at)
    if target_kind not in frozenset(LockKind):
        errors["target_kind"] = [f"One of: {', '.join(LockKind)}."]
    if wrong := {name: texts for name, texts in errors.items() if texts}:
        raise InvalidLock(wrong)
    return {
        "target_kind": LockKind(target_kind),
        "target": target,
        "reason": reason,
        "message": message,
        "expires_at": expires_at,
    }


def check_terms(*, reason: str = "", message: str = "", expires_at: float | None = None) -> None:
    """Raises InvalidLock where no lock can have these."""
    if wrong := {name: texts for name, texts in _wrong_terms(reason, message, expires_at).items() if texts}:
        raise InvalidLock(wrong)


def _wrong_terms(reason: str, message: str, expires_at: float | None) -> dict[str, list[str]]:
    return {
        "reason": check_reason(reason),
        "message": check_message(message),
        "expires_at": check_end(expires_at) or _check_future(expires_at),
    }


def _check_target(kind: str, target: Any) -> list[str]:
    """Its form, and that it is there where a mistyped name would lock nothing."""
    if kind not in frozenset(LockKind):
        return []
    if wrong := check_target(LockKind(kind), target):
        return wrong
    if kind == LockKind.PEER and not _is_caller(target):
        return [f"There is no peer “{target}”, and no API key with that prefix."]
    if kind == LockKind.CREDENTIAL and credentials.find_key_version(target) is None:
        return [f"There is no credential “{target}”."]
    return []


def _is_caller(name: str) -> bool:
    if peers.find_peer(name) is not None:
        return True
    try:
        return bool(peers.get_api_keys([name]))
    except peer_errors.Absent:
        return False


def _check_future(expires_at: float | None) -> list[str]:
    return ["That time has passed."] if expires_at is not None and expires_at <= time.time() else []


def _remove(actor: Actor, gone: Iterable[LockFacts]) -> None:
    gone = list(gone)
    Lock.objects.filter(pk__in=[found.lock_id for found in gone]).delete()
    record(actor=actor, changes=[change_of(_ending(found), found, None) for found in gone])


def _ending(gone: LockFacts) -> LockAction:
    return LockAction.LIFTED if gone.holds else LockAction.REMOVED


def change_of(action: LockAction, old: LockFacts | None, new: LockFacts | None) -> Change:
    """The audit row. A lock goes by what it holds, which is what people look for; its id is among the values."""
    named = new or old
    before, after = (None if found is None else _facts(found) for found in (old, new))
    return Change(action, OBJECT_TYPE, named.what if named else "", before, after)


def _facts(found: LockFacts) -> dict[str, Any]:
    facts = asdict(found) | {"kind": found.kind.value, "created_at": found.created_at.isoformat(timespec="seconds")}
    del facts["holds"]
    return facts
