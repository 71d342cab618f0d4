"""Pages of the log that cost the same whatever its length: its rows have numbers without gaps."""

from functools import cached_property

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet

from apps.audit.models import AuditEntry
from apps.audit.rows import head

MAX_COUNTED = 100_000
"""Rows of a filtered list that are counted and paged through; what is older is found by other filters."""


class LogPaginator(Paginator):
    """Of the whole log, newest first, a page begins at the number of its first row; nothing is skipped row by row."""

    @cached_property
    def count(self) -> int:
        if self._is_whole:
            return head()[0]
        return self._rows.order_by()[:MAX_COUNTED].count()

    def page(self, number: int | str) -> Page:
        if not (self._is_whole and self._newest_first):
            return super().page(number)
        number = self.validate_number(number)
        first = self.count - (number - 1) * self.per_page
        return Page(self._rows.filter(pk__lte=first)[: self.per_page], number, self)

    @property
    def _rows(self) -> QuerySet[AuditEntry]:
        rows: QuerySet[AuditEntry] = self.object_list  # type: ignore[assignment]
        return rows

    @property
    def _is_whole(self) -> bool:
        return not self._rows.query.where

    @property
    def _newest_first(self) -> bool:
        query = self._rows.query
        return query.standard_ordering and tuple(query.order_by[:1]) in (("-id",), ("-pk",))
