"""Reading API tokens."""

import ipaddress
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from apps.absent import all_of
from apps.tokens.errors import Absent
from apps.tokens.models import ApiToken


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """All that people and programs see of a token. `expires_at` is in unix seconds."""

    id: str
    name: str
    rights: tuple[str, ...]
    owner: str
    created_at: datetime
    created_by: str
    expires_at: int | None
    networks: tuple[str, ...]
    last_used_at: datetime | None
    last_address: str

    def expired(self, now: float | None = None) -> bool:
        return self.expires_at is not None and self.expires_at <= (time.time() if now is None else now)

    def allows(self, address: str) -> bool:
        """Whether the token may be used from there. An address that is none may not use one that is bound."""
        if not self.networks:
            return True
        try:
            place = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(place, "ipv4_mapped", None)
        place = mapped or place
        return any(place in ipaddress.ip_network(network) for network in self.networks)


def list_tokens() -> list[TokenFacts]:
    """All of them, by name."""
    return [facts(row) for row in ApiToken.objects.all()]


def page_of_tokens(
    *, search: str = "", owner: str | None = None, after: str | None = None, limit: int
) -> list[TokenFacts]:
    """Tokens by id, those after `after`; `search` looks into names and ids."""
    rows = ApiToken.objects.order_by("id")
    if search:
        rows = rows.filter(Q(name__icontains=search) | Q(id__icontains=search))
    if owner is not None:
        rows = rows.filter(owner=owner)
    if after is not None:
        rows = rows.filter(id__gt=after)
    return [facts(row) for row in rows[:limit]]


def get_tokens(ids: Iterable[str]) -> list[TokenFacts]:
    """All of these, in the order given. Raises Absent if one is."""
    return [facts(row) for row in all_of(ids, ApiToken.objects.in_bulk, Absent).values()]


def facts(row: ApiToken) -> TokenFacts:
    return TokenFacts(
        row.id,
        row.name,
        tuple(row.rights),
        row.owner,
        row.created_at,
        row.created_by,
        row.expires_at,
        tuple(row.networks),
        row.last_used_at,
        row.last_address,
    )
