"""REST: what happened, who is there, and an end to a connection."""

from datetime import datetime
from typing import Annotated, Any

from django.conf import settings
from django.http import HttpRequest
from ninja import Path, Query, Router
from pydantic import BaseModel, Field

from apps.accounts.rights import Right
from apps.activity import cut, selectors
from apps.activity.filters import EventFilters
from apps.activity.json_forms import connection_json, event_json, presence_json
from apps.peers import selectors as peers
from apps.rest.answers import Answer
from apps.rest.auth import caller_of, requires
from apps.rest.pagination import Cursor, Limit, Page, number_place, page_of, text_place
from apps.rest.problems import Refused, problems
from apps.rest.times import TIME, in_utc

events = Router(tags=["Activity"])
presence = Router(tags=["Presence"])
connections = Router(tags=["Connections"])
_READ, _CUT = requires(Right.ACTIVITY_READ), requires(Right.CONNECTIONS_CUT)
_EVENTS, _PRESENCE, _CONNECTIONS = "activity", "presence", "connections"
MAX_NUMBER = 2**63 - 1
_Text = Annotated[str, Query(max_length=255)]
_Number = Annotated[int, Path(ge=0, le=MAX_NUMBER)]


class EventQuery(BaseModel):
    """Which events are meant; what is left out does not count."""

    kind: list[Annotated[str, Field(max_length=32)]] = Field([], max_length=32, description="Any of these.")
    peer_id: str = Field("", max_length=255)
    alpn: str = Field("", max_length=255)
    connection: int | None = Field(None, ge=0, le=MAX_NUMBER)
    boot: str = Field("", max_length=64)
    since: datetime | None = Field(None, description=TIME)
    until: datetime | None = Field(None, description=TIME)

    def wanted(self) -> EventFilters:
        return EventFilters(
            kinds=tuple(self.kind),
            peer_id=self.peer_id,
            alpn=self.alpn,
            connection=self.connection,
            boot=self.boot,
            since=in_utc(self.since),
            until=in_utc(self.until),
        )


class EventOut(BaseModel):
    """Something that happened to a connection, or to the node."""

    id: int
    at: str
    kind: str
    peer_id: str | None
    fingerprint: str | None
    alpn: str | None
    address: str | None
    connection: int | None
    boot: str = Field(description="The life of the node; connections are numbered in each anew.")
    reason: str
    detail: dict[str, Any]


class PresenceOut(BaseModel):
    """Whether a peer is connected, and when it was last."""

    peer_id: str
    connected: int = Field(description="How many connections are open now.")
    protocols: list[str]
    last_seen: str | None
    last_address: str | None
    last_protocol: str | None


class ConnectionOut(BaseModel):
    """A connection that is open; a stranger's has no peer."""

    boot: str
    connection: int
    peer_id: str | None
    fingerprint: str | None
    alpn: str | None
    address: str | None
    since: str


@events.get("", auth=_READ, response=Page[EventOut], summary="List events")
def list_events(
    request: HttpRequest, filters: Annotated[EventQuery, Query()], cursor: Cursor = None, limit: Limit = 50
) -> Page[EventOut]:
    """What happened, the newest first."""
    found = selectors.events(filters.wanted(), number_place(_EVENTS, cursor), limit + 1)
    told, following = page_of(found, limit=limit, kind=_EVENTS, key=lambda event: event.pk)
    return Page(items=[EventOut(**event_json(event)) for event in told], next=following)


@events.get("/{event_id}", auth=_READ, response={200: EventOut, **problems(404)}, summary="Read an event")
def get_event(request: HttpRequest, event_id: _Number) -> Answer:
    """One event."""
    event = selectors.event(event_id)
    if event is None:
        raise Refused(404, "There is no such event; old ones are forgotten.")
    return Answer(EventOut(**event_json(event)))


@presence.get("", auth=_READ, response=Page[PresenceOut], summary="List who is there")
def list_presence(request: HttpRequest, cursor: Cursor = None, limit: Limit = 50) -> Page[PresenceOut]:
    """Peers by name, each with whether it is connected."""
    found = peers.page_of_peers(after=text_place(_PRESENCE, cursor), limit=limit + 1)
    entries, following = page_of(found, limit=limit, kind=_PRESENCE, key=lambda entry: entry.peer_id)
    names = [entry.peer_id for entry in entries]
    known = selectors.presence(names)
    return Page(items=[PresenceOut(peer_id=name, **presence_json(known[name])) for name in names], next=following)


@presence.get(
    "/{name:peer_id}", auth=_READ, response={200: PresenceOut, **problems(404)}, summary="Read whether a peer is there"
)
def get_presence(request: HttpRequest, peer_id: str) -> Answer:
    """One peer."""
    name = peers.get_peer(peer_id).peer_id
    return Answer(PresenceOut(peer_id=name, **presence_json(selectors.presence([name])[name])))


@connections.get("", auth=_READ, response=Page[ConnectionOut], summary="List open connections")
def list_connections(
    request: HttpRequest, peer_id: _Text = "", alpn: _Text = "", cursor: Cursor = None, limit: Limit = 50
) -> Page[ConnectionOut]:
    """What is open now, the latest first; nothing is while the node does not run."""
    before = number_place(_CONNECTIONS, cursor)
    found = selectors.page_of_connections(peer_id=peer_id, alpn=alpn, before=before, limit=limit + 1)
    told, following = page_of(found, limit=limit, kind=_CONNECTIONS, key=lambda row: row.pk)
    return Page(items=[ConnectionOut(**connection_json(row)) for row in told], next=following)


@connections.delete(
    "/{name:boot}/{number}", auth=_CUT, response={204: None, **problems(404)}, summary="Cut a connection"
)
def cut_connection(request: HttpRequest, boot: str, number: _Number) -> Answer:
    """Have the node close it. The peer may connect again: to keep it away, lock or disable it."""
    row = selectors.open_connection(boot, number)
    if row is None:
        raise Refused(404, "There is no such connection; it may have ended.")
    try:
        done = cut.cut(actor=caller_of(request).actor, connection=row, control_socket=settings.PATHS.control_socket)
    except cut.CutFailed as error:
        raise Refused(503, str(error), headers={"Retry-After": "5"}) from None
    if not done:
        raise Refused(404, "The connection has ended.")
    return Answer(status=204)
