"""Writes of the table `forwarding_rules`. Places are 1, 2, 3 … without a gap, whatever is added, moved or removed."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.absent import all_of
from apps.audit.actors import Actor
from apps.audit.services import Change, record
from apps.audit.words import who_words
from apps.forwarding import selectors
from apps.forwarding.errors import Absent
from apps.forwarding.models import Rule
from node.core.forwarding.rules import InvalidRule, build_rule
from node.core.locks import check_reason

OBJECT_TYPE = "forwarding_rule"
MAX_RULES = 200
"""Rules that there may be in all: each is looked at whenever a peer asks for a connection."""
FIELDS = ("action", "target", "principals", "transports", "directions", "note")
"""What is changed by itself; the place of a rule is changed with those of others."""

_Facts = dict[str, Any]


class RuleAction(StrEnum):
    """What the audit log says was done."""

    ADDED = "forwarding_rule.added"
    CHANGED = "forwarding_rule.changed"
    MOVED = "forwarding_rule.moved"
    REMOVED = "forwarding_rule.removed"
    FOLLOWED = "forwarding_rule.followed"
    """A peer was renamed, and what the rule says of it with it."""
    FORGOT = "forwarding_rule.forgot"
    """A peer was removed, and the rule allows nothing to its name any more."""


def plan_rule(
    *,
    action: Any,
    target: Any,
    principals: Any = (),
    transports: Any = (),
    directions: Any = (),
    note: Any = "",
    position: int | None = None,
) -> Rule:
    """What `add_rule` would store, the target in its one spelling. For forms, too. Raises InvalidRule."""
    errors: dict[str, list[str]] = {"note": check_reason(note)}
    fields = {"principals": principals, "transports": transports, "directions": directions}
    if position is not None:
        errors["position"] = _wrong_place(position)
    try:
        rule = build_rule(action=action, target=target, **fields)
    except InvalidRule as error:
        raise InvalidRule(_found(errors | error.errors)) from None
    if any(errors.values()):
        raise InvalidRule(_found(errors))
    return Rule(
        action=rule.action.value,
        target=str(rule.target),
        principals=list(rule.principals),
        transports=[one.value for one in rule.transports],
        directions=[one.value for one in rule.directions],
        note=note,
    )


def add_rule(*, actor: Actor, position: int | None = None, **wish: Any) -> Rule:
    """A new rule at this place, those from there on one further down; without a place, at the end.

    Takes what `plan_rule` does, and raises the same.
    """
    with transaction.atomic():
        row = plan_rule(position=position, **wish)
        count = Rule.objects.count()
        if count >= MAX_RULES:
            raise InvalidRule({"target": [f"There are {MAX_RULES} rules, and no more are kept: remove one first."]})
        row.position = min(position or count + 1, count + 1)
        Rule.objects.filter(position__gte=row.position).update(position=F("position") + 1)
        _stamp(row, actor)
        row.save(force_insert=True)
        record(actor=actor, changes=[change_of(RuleAction.ADDED, None, facts_of(row))])
        return row


def change_rule(*, actor: Actor, rule_id: str, position: int | None = None, **changes: Any) -> Rule:
    """Change these fields of a rule, and its place; the others stay. Nothing is written where nothing differs."""
    with transaction.atomic():
        row = selectors.get_rule(rule_id)
        before = facts_of(row)
        if changes:
            planned = plan_rule(**{name: getattr(row, name) for name in FIELDS} | changes)
            for name in FIELDS:
                setattr(row, name, getattr(planned, name))
        action = RuleAction.MOVED if facts_of(row) == before else RuleAction.CHANGED
        _shift(row, position)
        if facts_of(row) != before:
            _stamp(row, actor)
            row.save()
            record(actor=actor, changes=[change_of(action, before, facts_of(row))])
        return row


def move_rule(*, actor: Actor, rule_id: str, position: int) -> Rule:
    """Put a rule at this place, counted from 1; those between move by one. Beyond the last place is the last."""
    return change_rule(actor=actor, rule_id=rule_id, position=position)


def remove_rules(*, actor: Actor, rule_ids: Iterable[str]) -> int:
    """Remove all of these or, if one is absent, none. How many went."""
    with transaction.atomic():
        rows = all_of(rule_ids, Rule.objects.in_bulk, Absent)
        Rule.objects.filter(pk__in=rows).delete()
        _close_ranks()
        record(actor=actor, changes=[change_of(RuleAction.REMOVED, facts_of(row), None) for row in rows.values()])
        return len(rows)


def _shift(row: Rule, position: int | None) -> None:
    """Give the row its new place, and make room for it; the row itself is not stored here. Raises InvalidRule."""
    if position is None:
        return
    if wrong := _wrong_place(position):
        raise InvalidRule({"position": wrong})
    new, old = min(position, Rule.objects.count()), row.position
    if new < old:
        Rule.objects.filter(position__gte=new, position__lt=old).update(position=F("position") + 1)
    elif new > old:
        Rule.objects.filter(position__gt=old, position__lte=new).update(position=F("position") - 1)
    row.position = new


def _wrong_place(position: int) -> list[str]:
    return [] if 1 <= position <= MAX_RULES else [f"A place is a number from 1 to {MAX_RULES}."]


def _close_ranks() -> None:
    """Places without a gap, in the order that there is; also where somebody wrote behind our back."""
    for place, row in enumerate(Rule.objects.all(), 1):
        if row.position != place:
            Rule.objects.filter(pk=row.pk).update(position=place)


def _stamp(row: Rule, actor: Actor) -> None:
    row.changed_at, row.changed_by = timezone.now(), who_words(actor.kind, actor.name)


def change_of(action: RuleAction, before: _Facts | None, after: _Facts | None) -> Change:
    """A rule goes by its id, under which the log has all of its history; the sentence is among the values."""
    named = after or before or {}
    return Change(action, OBJECT_TYPE, named["id"], before, after)


def facts_of(row: Rule) -> _Facts:
    """For the log of changes."""
    return {"id": row.pk, "position": row.position, **{name: _copied(getattr(row, name)) for name in FIELDS}} | {
        "sentence": str(row)
    }


def _copied(value: Any) -> Any:
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def _found(errors: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: texts for name, texts in errors.items() if texts}
