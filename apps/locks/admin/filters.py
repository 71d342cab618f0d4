"""Filters of the panel's list of locks."""

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.locks import selectors
from apps.locks.models import Lock


class StateFilter(SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("holds", "Holds now"), ("ended", "Has ended")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Lock]) -> QuerySet[Lock]:
        if self.value() == "holds":
            return queryset.filter(pk__in=selectors.holding().values("pk"))
        return queryset.filter(pk__in=selectors.ended().values("pk")) if self.value() == "ended" else queryset
