"""Filters of the panel's list of users."""

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from apps.accounts.rights import Role

_NONE = "none"


class RoleFilter(SimpleListFilter):
    title = "role"
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*((role.value, role.value) for role in Role), (_NONE, _NONE)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return queryset
        if self.value() == _NONE:
            return queryset.filter(member__isnull=True, is_superuser=False)
        wanted = Q(member__role=self.value())
        return queryset.filter(wanted | Q(is_superuser=True) if self.value() == Role.OWNER else wanted)
