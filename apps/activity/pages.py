"""The list of events page by page: by the id of the last one seen, so that the last page costs what the first does."""

from dataclasses import dataclass

from apps.activity.filters import EventFilters
from apps.activity.models import Event
from apps.activity.selectors import events, events_after, newest_id

PAGE = 50
"""Events of a page."""
TEXT_WINDOW = 20_000
"""Events that one page looks through for a text, which no index knows; the next page looks further."""
PART = 200
"""Events that one answer looks through for those that are new on a page; the next answer looks further."""
MOST_NEW = 1_000
"""With more new events than this since the last look, a page shows the newest instead of adding them."""


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events, newest first. `older` is the `before` of the next page, or None where there is none.

    `newest` is the id up to which all events were looked at: what comes later has a higher one.
    """

    events: list[Event]
    newest: int
    older: int | None = None
    whole: bool = True
    """False where these are to be added to what a page shows already."""
    more: bool = False
    """Whether there were events with higher ids than `newest` already."""


def event_page(filters: EventFilters, before: int | None = None) -> EventPage:
    """The events before the one with this id, or the newest."""
    newest = newest_id()
    top = newest + 1 if before is None else min(before, newest + 1)
    floor = max(1, top - TEXT_WINDOW) if filters.text else 1
    found = events(filters, before=top, limit=PAGE + 1, floor=floor)
    if len(found) > PAGE:
        return EventPage(found[:PAGE], newest, found[PAGE - 1].pk)
    return EventPage(found, newest, floor if _anything_below(floor) else None)


def new_events(filters: EventFilters, after: int) -> EventPage:
    """What came after the event with this id, to be added to a page; or a whole page, where that is too much."""
    last = newest_id()
    if not 0 <= last - after <= MOST_NEW:
        return event_page(filters)
    newest = min(last, after + PART)
    found = [event for event in events_after(filters, after, PART) if event.pk <= newest]
    return EventPage(found[::-1], newest, whole=False, more=newest < last)


def _anything_below(event_id: int) -> bool:
    return event_id > 1 and Event.objects.filter(id__lt=event_id).exists()
