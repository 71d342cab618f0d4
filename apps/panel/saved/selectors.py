"""Which saved filters a user sees, and which of them they may change."""

from typing import Any

from django.db.models import Q, QuerySet

from apps.panel.models import SavedFilter
from apps.panel.saved.lists import LISTS


def seen_by(user: Any) -> QuerySet[SavedFilter]:
    """A user's own and everybody's, of the lists that they may see."""
    names = [name for name, one in LISTS.items() if user.has_perm(one.view)]
    return SavedFilter.objects.filter(Q(owner=user.pk) | Q(owner=None), list_name__in=names)


def may_share(user: Any, name: str) -> bool:
    """Whether they may keep filters of this list for everybody."""
    return name in LISTS and user.has_perm(LISTS[name].view) and user.has_perm(LISTS[name].share)


def may_change(user: Any, row: SavedFilter) -> bool:
    return may_share(user, row.list_name) if row.shared else row.owner_id == user.pk
