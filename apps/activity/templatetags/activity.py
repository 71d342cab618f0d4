"""Events and connections for a page."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from django import template
from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from apps.activity.links import peer_urls
from apps.activity.models import Connection, Event
from apps.activity.peer_now import events_of_peer, now_of_peer
from apps.activity.traffic import Traffic, traffic
from apps.activity.words import duration, kind_words, size, told

register = template.Library()


@register.simple_tag(takes_context=True)
def readable_events(context: dict[str, Any], events: Iterable[Event]) -> list[dict[str, Any]]:
    """Each event with its words, its address, and that of its peer where the reader may go there.

    A page that is looked at shows a thousand of them a second. So what templates are slow at is made ready here, and
    what is the same in many of them is made once.
    """
    events = list(events)
    urls = peer_urls((event.peer_id for event in events), context["request"].user)
    place = reverse("admin:activity_event_changelist")
    return [
        {
            "event": event,
            "url": f"{place}{event.pk:d}/",
            "when": event.at.isoformat(" ", "seconds")[:19],
            "exactly": event.at.isoformat(),
            "kind": _kind(event.kind),
            "told": told(event),
            "who": _who(event.peer_id, event.fingerprint, bool(event.address), urls.get(event.peer_id or "")),
        }
        for event in events
    ]


@lru_cache(maxsize=64)
def _kind(kind: str) -> str:
    return render_to_string("activity/kind.html", {"kind": kind_words(kind)})


@lru_cache(maxsize=2048)
def _who(peer_id: str | None, fingerprint: str | None, address: bool, url: str | None) -> str:  # noqa: FBT001 - a key
    facts = {"peer_id": peer_id, "fingerprint": fingerprint, "address": address, "url": url}
    return render_to_string("activity/who.html", facts)


@register.simple_tag(takes_context=True)
def readable_connections(context: dict[str, Any], connections: Iterable[Connection]) -> list[dict[str, Any]]:
    """Each connection with how long it has lasted, what it carried, and the address of its peer, where one may go."""
    connections = list(connections)
    urls = peer_urls((row.peer_id for row in connections), context["request"].user)
    counts, now = traffic(connections, settings.PATHS.control_socket), timezone.now()
    return [
        {
            "connection": row,
            "peer_url": urls.get(row.peer_id or ""),
            "lasted": duration(max(0, int((now - row.since).total_seconds()))),
            "carried": carried(counts.get(row.pk)),
        }
        for row in connections
    ]


@register.inclusion_tag("activity/peer_now.html", takes_context=True)
def peer_now(context: dict[str, Any], peer_id: str) -> dict[str, Any]:
    """Whether a peer is connected, and its open connections."""
    return now_of_peer(context["request"], peer_id, enabled=context["original"].enabled)


@register.inclusion_tag("activity/peer_events.html", takes_context=True)
def peer_events(context: dict[str, Any], peer_id: str) -> dict[str, Any]:
    """Its last events."""
    return events_of_peer(context["request"], peer_id)


def carried(counts: Traffic | None) -> str:
    """“812 B in, 3.1 KiB out”, as seen by the node."""
    return "" if counts is None else f"{size(counts.received)} in, {size(counts.sent)} out"


@register.filter
def short_key(fingerprint: str | None) -> str:
    """The beginning of a key, enough to tell it from another at a glance."""
    if not fingerprint:
        return ""
    kind, _, digits = fingerprint.partition(":")
    return f"{kind}:{digits[:8]}…" if len(digits) > 8 else fingerprint
