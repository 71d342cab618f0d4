"""Filters of the panel's list of peers."""

import time
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest

from apps.activity.selectors import connected_rows
from apps.peers.listing import EitherFilter
from apps.peers.models import Peer, PeerTerm
from apps.peers.search import with_scope

MAX_SCOPE = 255
SOON_DAYS = 14


class ExpiryFilter(SimpleListFilter):
    title = "expiry"
    parameter_name = "expiry"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("soon", f"Expires within {SOON_DAYS} days"),
            ("expired", "Expired"),
            ("set", "Expires at some time"),
            ("key", "With a key that ends"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Peer]) -> QuerySet[Peer]:
        terms, now = PeerTerm.objects.filter(peer_id=OuterRef("pk")), time.time()
        whole = terms.filter(fingerprint="")
        wanted = {
            "soon": whole.filter(expires_at__gt=now, expires_at__lte=now + SOON_DAYS * 86_400),
            "expired": whole.filter(expires_at__lte=now),
            "set": whole,
            "key": terms.exclude(fingerprint=""),
        }
        chosen = wanted.get(self.value() or "")
        return queryset if chosen is None else queryset.filter(Exists(chosen))


class TokenFilter(EitherFilter):
    title = "token"
    parameter_name = "token"
    yes, no = ("set", "With a token"), ("none", "Without a token")

    def split(self, rows: QuerySet[Peer], *, wanted: bool) -> QuerySet[Peer]:
        return rows.filter(auth_token_hash__isnull=not wanted)


class ConnectedFilter(EitherFilter):
    title = "connected now"
    parameter_name = "connected"
    permission = "activity.view_connection"
    yes, no = ("now", "Connected"), ("not", "Not connected")

    def split(self, rows: QuerySet[Peer], *, wanted: bool) -> QuerySet[Peer]:
        names = connected_rows().values("peer_id")
        return rows.filter(pk__in=names) if wanted else rows.exclude(pk__in=names)


class ScopeFilter(SimpleListFilter):
    """Peers that have one scope, written out: there may be thousands, and none of them is worth a link."""

    title = "scope"
    parameter_name = "scope"
    template = "peers/scope_filter.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return []

    def has_output(self) -> bool:
        return True

    def choices(self, changelist: Any) -> Any:
        """What else narrows the list, which the field's form has to keep."""
        kept = changelist.get_filters_params() | ({"q": changelist.query} if changelist.query else {})
        kept = {name: value[-1] if isinstance(value, list) else value for name, value in kept.items()}
        others = [(name, value) for name, value in kept.items() if name != self.parameter_name]
        yield {"value": self.value() or "", "others": others, "without": changelist.get_query_string(remove=["scope"])}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Peer]) -> QuerySet[Peer]:
        scope = (self.value() or "").strip()[:MAX_SCOPE]
        return with_scope(queryset, scope) if scope else queryset
