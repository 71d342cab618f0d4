"""Who of the listed peers is connected now, and when the others were last."""

from collections.abc import Iterable
from datetime import UTC, datetime

from django.db.models import Case, DateTimeField, Exists, OuterRef, QuerySet, Subquery, Value, When
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from apps.activity.models import Presence
from apps.activity.selectors import PeerPresence, connected_rows, presence
from apps.peers.models import Peer

_LATEST = datetime(9999, 1, 1, tzinfo=UTC)
_PRESENCE = "_alknet_presence"
"""Where a row of the list keeps its presence."""


def may_see_presence(request: HttpRequest) -> bool:
    return request.user.has_perm("activity.view_connection")


def add_presence(peers: Iterable[Peer]) -> None:
    """Look once for all of them. The list shows these very objects."""
    rows = list(peers)
    found = presence(peer.pk for peer in rows)
    for peer in rows:
        setattr(peer, _PRESENCE, found[peer.pk])


def presence_label(peer: Peer) -> SafeString:
    facts = getattr(peer, _PRESENCE, PeerPresence())
    return render_to_string("activity/presence.html", {"peer_id": peer.pk, "presence": facts})


def with_presence(rows: QuerySet[Peer]) -> QuerySet[Peer]:
    """The same rows, which can be sorted by `here`: the connected last, before them those seen lately."""
    seen = Subquery(Presence.objects.filter(peer_id=OuterRef("pk")).values("last_seen")[:1])
    connected = When(Exists(connected_rows().filter(peer_id=OuterRef("pk"))), then=Value(_LATEST))
    return rows.alias(here=Case(connected, default=seen, output_field=DateTimeField()))
