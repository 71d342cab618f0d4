"""What the page of a peer tells of now."""

from typing import Any

from django.contrib.admin.utils import quote
from django.http import HttpRequest
from django.urls import reverse

from apps.activity import selectors
from apps.activity.cut import may_cut
from apps.activity.filters import EventFilters

EVENTS = 10
"""Last events of a peer that its page shows."""
CONNECTIONS = 50
"""Open connections of a peer that its page shows, the latest of them."""


def now_of_peer(request: HttpRequest, peer_id: str, *, enabled: bool) -> dict[str, Any]:
    """The context of activity/peer_now.html, for a user who may view connections."""
    return {
        "request": request,
        "peer_id": peer_id,
        "enabled": enabled,
        "presence": selectors.presence([peer_id])[peer_id],
        "connections": selectors.open_connections(peer_id=peer_id, limit=CONNECTIONS),
        "may_cut": may_cut(request),
        "next": reverse("admin:peers_peer_change", args=[quote(peer_id)]),
    }


def events_of_peer(request: HttpRequest, peer_id: str) -> dict[str, Any]:
    """The context of activity/peer_events.html; `events` is None for those who may not view them."""
    may = request.user.has_perm("activity.view_event")
    events = selectors.events(EventFilters(peer_id=peer_id), limit=EVENTS) if may else None
    return {"request": request, "peer_id": peer_id, "events": events}
