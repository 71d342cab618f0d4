"""The list of what happened, as it grows, and the page of each event."""

from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path

from apps.activity import selectors
from apps.activity.admin.base import WatchedAdmin
from apps.activity.cut import may_cut
from apps.activity.filters import EventFilters
from apps.activity.forms import FiltersForm
from apps.activity.links import peer_urls, why_not_url
from apps.activity.models import Event
from apps.activity.pages import EventPage, event_page, new_events
from apps.activity.words import kind_words

OF_CONNECTION = 100
"""Events of one connection that its page shows, the latest of them."""
_MAX_ID = 2**63 - 1


@admin.register(Event)
class EventAdmin(WatchedAdmin):
    def get_urls(self) -> list[Any]:
        return [
            path("", self.guarded(self.list_view), name="activity_event_changelist"),
            path("rows/", self.guarded(self.rows_view), name="activity_event_rows"),
            path("<int:number>/", self.guarded(self.event_view), name="activity_event_change"),
        ]

    def list_view(self, request: HttpRequest) -> HttpResponse:
        """One page of events; the newest of them grows while it is looked at."""
        form = FiltersForm(request.GET)
        before = _number(request, "before")
        found = event_page(form.filters, before) if form.is_valid() else EventPage([], selectors.newest_id())
        facts = {"form": form, "found": found, "first": before is None, "query": _without_place(request)}
        return self.page(request, "activity/events.html", "Activity", **facts)

    def rows_view(self, request: HttpRequest) -> HttpResponse:
        """What came after the event `after`, or all that a page shows, where that is too much."""
        form = FiltersForm(request.GET)
        if not form.is_valid():
            raise Http404
        found = new_events(form.filters, _number(request, "after") or 0)
        return self.fragment(request, "activity/event_rows.html", found=found)

    def event_view(self, request: HttpRequest, number: int) -> HttpResponse:
        """Everything that is known of one event, and of the connection that it is about."""
        event = selectors.event(number) if number <= _MAX_ID else None
        if event is None:
            return self.page(request, "activity/event_gone.html", "No such event")
        facts: dict[str, Any] = {"event": event, "kind": kind_words(event.kind)}
        if event.connection is not None:
            same = EventFilters(connection=event.connection, boot=event.boot)
            facts["others"] = [other for other in selectors.events(same, limit=OF_CONNECTION) if other.pk != event.pk]
            facts["open"] = selectors.open_connection(event.boot, event.connection)
        facts["peer_url"] = peer_urls([event.peer_id], request.user).get(event.peer_id or "")
        facts["may_cut"] = may_cut(request)
        facts["why_not"] = why_not_url(event, request.user)
        return self.page(request, "activity/event.html", kind_words(event.kind).title, **facts)


def _number(request: HttpRequest, name: str) -> int | None:
    """An id in the address; None where there is none, or nonsense."""
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _without_place(request: HttpRequest) -> str:
    """The filters of the address as they are, for the addresses of other pages of the same list."""
    kept = request.GET.copy()
    for name in [name for name in kept if name not in FiltersForm.base_fields or not kept[name]]:
        del kept[name]
    return kept.urlencode()
