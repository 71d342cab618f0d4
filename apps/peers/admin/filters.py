"""Filters of the panel's list of peers."""

import time
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest

from apps.peers.models import Peer, PeerTerm

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


class TokenFilter(SimpleListFilter):
    title = "token"
    parameter_name = "token"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("set", "With a token"), ("none", "Without a token")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Peer]) -> QuerySet[Peer]:
        if self.value() in ("set", "none"):
            return queryset.filter(auth_token_hash__isnull=self.value() == "none")
        return queryset
