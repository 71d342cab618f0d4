"""Changing assertions. Each function is one transaction that holds the change and its audit row.

And the guard of all assertions: it hears of every change of peers and API keys in the transaction that makes it.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

from django.db import transaction

from apps.absent import all_of
from apps.access.assertions import broken, judge
from apps.access.errors import Absent, AssertionBroken
from apps.access.models import Assertion
from apps.access.questions import InvalidQuestion, question
from apps.audit.actors import Actor
from apps.audit.services import Change, record
from apps.audit.words import who_words
from node.core.explain import SubjectKind
from node.core.locks import check_reason

OBJECT_TYPE = "assertion"
_GUARDED = frozenset({"peer", "api_key"})
MOST_TOLD = 5
"""Broken assertions that a refusal names; of more it tells the number."""


class AssertionAction(StrEnum):
    """What the audit log says was done."""

    ADDED = "assertion.added"
    RENAMED = "assertion.renamed"
    REMOVED = "assertion.removed"


def plan_assertion(
    *,
    who: str,
    allowed: bool = True,
    scopes: Sequence[str] = (),
    resource_type: str = "",
    resource: str = "",
    reason: str = "",
) -> Assertion:
    """What `add_assertion` would store. Raises InvalidQuestion, also where it does not hold as things are."""
    asked = question(who=who, scopes=scopes, resource_type=resource_type, resource=resource)
    errors: dict[str, list[str]] = {}
    if asked.subject.kind not in (SubjectKind.PEER, SubjectKind.API_KEY):
        errors["who"] = ["The name of a peer, or the prefix of an API key."]
    if asked.control.unrestricted:
        errors["scopes"] = ["Which scopes, or which kind of resource?"]
    if wrong := check_reason(reason):
        errors["reason"] = wrong
    row = Assertion(
        who=who, allowed=allowed, scopes=list(scopes), resource_type=resource_type, resource=resource, reason=reason
    )
    if not errors and (told := judge([row])[row.pk]).allowed is not allowed:
        errors["who"] = [f"This does not hold now: {told.text}."]
    if errors:
        raise InvalidQuestion(errors)
    return row


def add_assertion(*, actor: Actor, **wish: Any) -> Assertion:
    """From now on no change may break it. Takes what `plan_assertion` does, and raises the same."""
    with transaction.atomic():
        row = plan_assertion(**wish)
        row.created_by = who_words(actor.kind, actor.name)
        row.save(force_insert=True)
        record(actor=actor, changes=[_change(AssertionAction.ADDED, after=row)])
        row.refresh_from_db()
        return row


def remove_assertions(*, actor: Actor, ids: Iterable[str]) -> int:
    """Remove all of these or, if one is absent, none. Returns how many went. Raises Absent."""
    with transaction.atomic():
        rows = all_of(ids, Assertion.objects.in_bulk, Absent)
        Assertion.objects.filter(pk__in=rows).delete()
        record(actor=actor, changes=[_change(AssertionAction.REMOVED, before=row) for row in rows.values()])
        return len(rows)


def follow_rename(*, actor: Actor, old: str, new: str, **_: Any) -> None:
    """In the transaction of the rename: what must be so of a peer goes on being about it."""
    rows = list(Assertion.objects.filter(who=old))
    changes = []
    for row in rows:
        before = Assertion(**_columns(row))
        row.who = new
        changes.append(_change(AssertionAction.RENAMED, before, row))
    Assertion.objects.filter(who=old).update(who=new)
    if changes:
        record(actor=actor, changes=changes)


def guard(*, changes: Sequence[Change], **_: Any) -> None:
    """Hears of what was recorded, in its transaction. Raises AssertionBroken, which undoes all of it."""
    concerned = [change for change in changes if change.object_type in _GUARDED]
    if not concerned:
        return
    told = broken((change.object_id for change in concerned), dict(filter(None, map(_rename, concerned))))
    if told:
        more = [f"And {len(told) - MOST_TOLD} more."] if len(told) > MOST_TOLD else []
        raise AssertionBroken({"assertions": [*told[:MOST_TOLD], *more]})


def _rename(change: Change) -> tuple[str, str] | None:
    if change.object_type != "peer" or change.before is None or change.after is None:
        return None
    old, new = change.before.get("peer_id"), change.after.get("peer_id")
    return (old, new) if isinstance(old, str) and isinstance(new, str) and old != new else None


def _change(action: AssertionAction, before: Assertion | None = None, after: Assertion | None = None) -> Change:
    row = after or before
    facts = (None if one is None else _facts(one) for one in (before, after))
    return Change(action, OBJECT_TYPE, row.pk if row else "", *facts)


def _columns(row: Assertion) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in Assertion._meta.concrete_fields}


def _facts(row: Assertion) -> dict[str, Any]:
    facts = {name: value for name, value in _columns(row).items() if name != "created_at"}
    return facts | {"sentence": str(row)}
