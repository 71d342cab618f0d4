"""Saving filters of lists. Each function is one transaction that holds the change and its audit row.

One's own are audited like everybody's: whatever is changed in the panel leaves its row, without exceptions to remember.
"""

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from apps.absent import all_of
from apps.audit.actors import Actor
from apps.audit.services import Change, record
from apps.panel.models import SavedFilter
from apps.panel.saved.lists import LISTS, MAX_QUERY
from apps.panel.saved.selectors import may_change, may_share, seen_by
from node.core.errors import InvalidFields

OBJECT_TYPE = "saved_filter"
MAX_NAME = 80
MAX_OWN = 50
"""Filters of a user's own, over all lists."""
MAX_SHARED = 50
"""Filters of one list that are everybody's."""


class InvalidFilter(InvalidFields):
    """What was to be saved is wrong."""


class Absent(Exception):
    """There is no such filter, or it is another's."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no saved filter “{name}” that you may change.")


def plan_filter(*, user: Any, list_name: str, query: str, name: str, shared: bool, but: str = "") -> SavedFilter:
    """What would be stored, beside the others without the one with the id `but`. Raises InvalidFilter."""
    errors: dict[str, Any] = {}
    name = name.strip()
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        errors["name"] = [f"A name has 1 to {MAX_NAME} characters, all of which can be seen."]
    known = _known(user, list_name, query, errors)
    if shared and not may_share(user, list_name):
        errors["shared"] = ["Your role does not let you save it for everybody."]
    row = SavedFilter(list_name=list_name, name=name, query=known, owner=None if shared else user)
    if not errors and (wrong := _no_room(row, SavedFilter.objects.exclude(pk=but))):
        errors["name"] = [wrong]
    if errors:
        raise InvalidFilter(errors)
    return row


def save_filter(*, actor: Actor, user: Any, list_name: str, query: str, name: str, shared: bool = False) -> SavedFilter:
    """Keep what a list shows under a name, for this user or for everybody. Raises InvalidFilter."""
    with transaction.atomic():
        row = plan_filter(user=user, list_name=list_name, query=query, name=name, shared=shared)
        row.created_by = actor.name
        row.save(force_insert=True)
        record(actor=actor, changes=[_change("added", row, after=_facts(row))])
        return row


def change_filter(*, actor: Actor, user: Any, filter_id: str, name: str, shared: bool) -> SavedFilter:
    """Call it otherwise, or give it to everybody, or take it for oneself. Raises Absent and InvalidFilter."""
    with transaction.atomic():
        (row,) = _changeable(user, [filter_id])
        before = _facts(row)
        wish = plan_filter(user=user, list_name=row.list_name, query=row.query, name=name, shared=shared, but=row.pk)
        row.name, row.owner = wish.name, wish.owner
        if before != _facts(row):
            row.save()
            record(actor=actor, changes=[_change("changed", row, before, _facts(row))])
        return row


def remove_filters(*, actor: Actor, user: Any, ids: Iterable[str]) -> int:
    """Remove all of these or, if one is absent, none. Returns how many went. Raises Absent."""
    with transaction.atomic():
        rows = _changeable(user, ids)
        changes = [_change("removed", row, before=_facts(row)) for row in rows]
        SavedFilter.objects.filter(pk__in=[row.pk for row in rows]).delete()
        record(actor=actor, changes=changes)
        return len(rows)


def _known(user: Any, name: str, query: str, errors: dict[str, Any]) -> str:
    one = LISTS.get(name)
    if one is None or not user.has_perm(one.view):
        errors["list_name"] = ["There is no such list."]
        return ""
    known, wrong = one.known(query)
    if len(query) > MAX_QUERY or wrong:
        errors["query"] = [f"The list does not know this of its filters: {', '.join(wrong) or 'it is too long'}."]
    elif not known:
        errors["query"] = ["Nothing narrows the list: search or filter it first."]
    return known


def _no_room(row: SavedFilter, others: QuerySet[SavedFilter]) -> str | None:
    """Why it cannot stand beside the others."""
    others, most = others.filter(owner=row.owner), MAX_OWN
    if row.shared:
        others, most = others.filter(list_name=row.list_name), MAX_SHARED
    if others.filter(list_name=row.list_name, name=row.name).exists():
        return "A filter of this list has that name already."
    return f"There are {most} already, which is the most: delete one first." if others.count() >= most else None


def _changeable(user: Any, ids: Iterable[str]) -> list[SavedFilter]:
    def look_up(names: list[str]) -> dict[str, SavedFilter]:
        return {name: row for name, row in seen_by(user).in_bulk(names).items() if may_change(user, row)}

    return list(all_of(ids, look_up, Absent).values())


def _facts(row: SavedFilter) -> dict[str, Any]:
    return {"name": row.name, "list": row.list_name, "query": row.query, "shared": row.shared}


def _change(verb: str, row: SavedFilter, before: Any = None, after: Any = None) -> Change:
    return Change(f"{OBJECT_TYPE}.{verb}", OBJECT_TYPE, row.name, before, after)
