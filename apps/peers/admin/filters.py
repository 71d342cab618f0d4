"""Filters of the panel's list of peers."""

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.peers.models import Peer


class TokenFilter(SimpleListFilter):
    title = "token"
    parameter_name = "token"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("set", "With a token"), ("none", "Without a token")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Peer]) -> QuerySet[Peer]:
        if self.value() in ("set", "none"):
            return queryset.filter(auth_token_hash__isnull=self.value() == "none")
        return queryset
