"""What a peer has for a while, for its page."""

from typing import Any

from django import template

from apps.access import selectors

register = template.Library()
SHOWN = 5
"""Grants that are told one by one; the list has all."""


@register.inclusion_tag("access/grants_of.html", takes_context=True)
def grants_of(context: dict[str, Any], peer_id: str) -> dict[str, Any]:
    """A note for each grant in force, to whoever may see grants; the one that ends first comes first."""
    if not context["request"].user.has_perm("access.view_grant"):
        return {}
    found = list(selectors.grants_in_force(str(peer_id)).order_by("expires_at")[: SHOWN + 1])
    return {"grants": found[:SHOWN], "more": len(found) > SHOWN, "peer_id": peer_id}
