"""Who of the listed peers is connected now, and when the others were last."""

from collections.abc import Iterable

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from apps.activity.selectors import PeerPresence, presence
from apps.peers.models import Peer

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
