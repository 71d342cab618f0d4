"""Who is connected now, with a button beside each that ends it, and the presence of peers for their own pages."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from apps.activity import selectors
from apps.activity.admin.base import WatchedAdmin
from apps.activity.connection_pages import ConnectionFilters, connection_page
from apps.activity.cut import CutFailed, cut, may_cut
from apps.activity.models import Connection
from apps.activity.peer_now import events_of_peer, now_of_peer
from apps.audit.actors import user_actor
from apps.peers import selectors as peers

MAX_PEERS = 200
"""Peers whose presence is told at once."""


@admin.register(Connection)
class ConnectionAdmin(WatchedAdmin):
    def get_urls(self) -> list[Any]:
        return [
            path("", self.guarded(self.list_view), name="activity_connection_changelist"),
            path("presence/", self.guarded(self.presence_view), name="activity_connection_presence"),
            path("of-peer/", self.guarded(self.peer_view), name="activity_connection_of_peer"),
            path("<str:boot>/<int:number>/cut/", self.guarded(self.cut_view), name="activity_connection_cut"),
        ]

    def list_view(self, request: HttpRequest) -> HttpResponse:
        """The page, or with `part` in the address what of it changes."""
        filters = ConnectionFilters.of(request.GET)
        found = connection_page(filters, request.GET.get("page", ""))
        facts = {
            "found": found,
            "connections": found.connections,
            "filters": filters,
            "next": f"{reverse('admin:activity_connection_changelist')}?{_here(filters, found.number)}",
            "may_cut": may_cut(request),
            "show_peer": True,
        }
        if "part" in request.GET:
            return self.fragment(request, "activity/connection_list.html", **facts)
        return self.page(request, "activity/connections.html", "Live connections", **facts)

    def presence_view(self, request: HttpRequest) -> HttpResponse:
        """The presence of each `peer` of the address."""
        names = [name[:255] for name in request.GET.getlist("peer")[:MAX_PEERS]]
        return self.fragment(request, "activity/presences.html", presences=selectors.presence(names).items())

    def peer_view(self, request: HttpRequest) -> HttpResponse:
        """What the page of the peer `peer` tells of now."""
        peer_id = request.GET.get("peer", "")[:255]
        if not peer_id:
            raise Http404
        peer = peers.find_peer(peer_id)
        enabled = peer is not None and peer.enabled
        facts = now_of_peer(request, peer_id, enabled=enabled) | events_of_peer(request, peer_id)
        return self.fragment(request, "activity/peer.html", **facts)

    @method_decorator(require_POST)
    def cut_view(self, request: HttpRequest, boot: str, number: int) -> HttpResponse:
        if not may_cut(request):
            raise PermissionDenied
        connection = selectors.open_connection(boot, number)
        if connection is None:
            self.message_user(request, "That connection has ended already.", messages.INFO)
        else:
            self._cut(request, connection)
        return HttpResponseRedirect(_way_back(request))

    def _cut(self, request: HttpRequest, connection: Connection) -> None:
        whose = f"“{connection.peer_id}”" if connection.peer_id else "a stranger"
        try:
            done = cut(
                actor=user_actor(request.user), connection=connection, control_socket=settings.PATHS.control_socket
            )
        except CutFailed as error:
            self.message_user(request, f"The connection of {whose} may be open still. {error}", messages.ERROR)
            return
        if done:
            words = f"The connection of {whose} was cut. To keep it out, disable or lock the peer."
            self.message_user(request, words, messages.SUCCESS)
        else:
            self.message_user(request, f"The connection of {whose} had ended already.", messages.INFO)


def _here(filters: ConnectionFilters, number: int) -> str:
    """The query of this very page of the list."""
    return "&".join(part for part in (filters.query, f"page={number}" if number > 1 else "") if part)


def _way_back(request: HttpRequest) -> str:
    """The page of the panel that the button was on."""
    page = request.GET.get("next", "")
    inside = url_has_allowed_host_and_scheme(page, allowed_hosts=None) and page.startswith("/")
    return page if inside else reverse("admin:activity_connection_changelist")
