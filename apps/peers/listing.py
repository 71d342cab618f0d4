"""The list of peers, as other apps add to it: those know peers, while peers know nothing of them."""

from abc import ABC, abstractmethod
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.peers.bulk import BulkAct


class EitherFilter(SimpleListFilter, ABC):
    """Two sides of one question, for those who have the permission."""

    permission = "peers.view_peer"
    yes: tuple[str, str]
    no: tuple[str, str]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [self.yes, self.no]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in (self.yes[0], self.no[0]):
            return queryset
        return self.split(queryset, wanted=self.value() == self.yes[0])

    @abstractmethod
    def split(self, rows: QuerySet[Any], *, wanted: bool) -> QuerySet[Any]:
        """Those of the rows that are on the side that is wanted."""


MORE_ACTS: list[BulkAct] = []
MORE_FILTERS: list[type[EitherFilter]] = []


def offer(act: BulkAct, *filters: type[EitherFilter]) -> None:
    """Have the list offer these besides its own. Called once, when the admin's pages are found."""
    MORE_ACTS.append(act)
    MORE_FILTERS.extend(filters)
