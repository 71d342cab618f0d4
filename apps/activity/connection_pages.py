"""The list of open connections page by page, narrowed: any of many thousand can be found.

Pages have numbers, for connections come and go at every place of the list. One that is left empty so is the last one.
"""

from dataclasses import dataclass
from functools import reduce
from operator import or_
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import QueryDict

from apps.activity.models import Connection
from apps.activity.node_process import node_runs

PAGE = 50
"""Connections of a page."""
MAX_TEXT = 255
_TEXTS = ("peer_id", "alpn", "address", "fingerprint")


@dataclass(frozen=True, slots=True)
class ConnectionFilters:
    """An empty one does not narrow. `peer` and `alpn` are whole names, `text` is part of any text of a connection."""

    peer: str = ""
    alpn: str = ""
    text: str = ""

    @classmethod
    def of(cls, query: QueryDict) -> "ConnectionFilters":
        """What an address says."""
        return cls(*(query.get(name, "").strip()[:MAX_TEXT] for name in ("peer", "alpn", "text")))

    @property
    def query(self) -> str:
        """The same for an address."""
        return urlencode({name: value for name in self.__slots__ if (value := getattr(self, name))})

    @property
    def rows(self) -> QuerySet[Connection]:
        rows = Connection.objects.all()
        rows = rows.filter(peer_id=self.peer) if self.peer else rows
        rows = rows.filter(alpn=self.alpn) if self.alpn else rows
        return (
            rows.filter(reduce(or_, (Q(**{f"{name}__icontains": self.text}) for name in _TEXTS))) if self.text else rows
        )


@dataclass(frozen=True, slots=True)
class ConnectionPage:
    """`number` counts from one. Of `total` connections these are those from `first` on, the latest first."""

    connections: list[Connection]
    total: int = 0
    number: int = 1
    node_runs: bool = True

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE))

    @property
    def first(self) -> int:
        return (self.number - 1) * PAGE + 1

    @property
    def last(self) -> int:
        return self.first + len(self.connections) - 1

    @property
    def newer(self) -> int | None:
        return self.number - 1 if self.number > 1 else None

    @property
    def older(self) -> int | None:
        return self.number + 1 if self.number < self.pages else None


def connection_page(filters: ConnectionFilters, number: str) -> ConnectionPage:
    """The page of this number as an address has it; the first for nonsense, and the last for one that is too high."""
    if not node_runs():
        return ConnectionPage([], node_runs=False)
    total = filters.rows.count()
    wanted = int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 1
    place = max(1, min(wanted, ConnectionPage([], total).pages))
    begin = (place - 1) * PAGE
    return ConnectionPage(list(filters.rows[begin : begin + PAGE]), total, place)
