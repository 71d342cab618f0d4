"""Who is connected, worked out from events in their order. Pure: `Changes` is what a batch comes to.

A node tells of each connection's beginning and end. Where its protocol has found out who it is, it is that peer's from
then on. One that was killed tells no ends: they follow from the next life's
first event, for one node at a time holds a data directory. So an event of another life ends every connection of the
lives before, and `stopped` ends all of its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from apps.activity.models import Event
from node.core.journal import EventKind

GAP = "gap"
"""Events between two others are gone: the journal forgot them before they were read here."""
REPLACED = "replaced"
"""The journal is another file than the one before."""
NOTICES = frozenset({GAP, REPLACED})
"""Kinds of event that are told by this side: what was open before them may have ended unseen."""

Key = tuple[str, int]
"""A connection: the life of the node, and the number in it."""


@dataclass(frozen=True, slots=True)
class Sight:
    """A peer was seen at `at`; the rest is None where only the time is known."""

    at: datetime
    address: str | None = None
    alpn: str | None = None


@dataclass(slots=True)
class Changes:
    """What to do to the tables, in this order: close those of `closed`, end all (`ended`), open those of `opened`.

    `ended` is the time until which all connections from before the batch were surely open, or None to leave them.
    """

    ended: datetime | None = None
    opened: dict[Key, Event] = field(default_factory=dict)
    closed: set[Key] = field(default_factory=set)
    seen: dict[str, Sight] = field(default_factory=dict)

    def see(self, peer_id: str | None, sight: Sight) -> None:
        """A peer is seen no earlier than before; a sight without an address keeps the one that is known."""
        if peer_id is None:
            return
        known = self.seen.get(peer_id)
        if known is None:
            self.seen[peer_id] = sight
        elif sight.at >= known.at or sight.address is not None:
            self.seen[peer_id] = Sight(
                max(sight.at, known.at), sight.address or known.address, sight.alpn or known.alpn
            )


def changes_of(events: Iterable[Event], boot: str, at: datetime | None) -> Changes:
    """What these events come to, after a last one of this life and time ("" and None where there was none)."""
    changes = Changes()
    for event in events:
        if event.boot != boot or event.kind in NOTICES:
            _end_all(changes, at or event.at)
        boot, at = event.boot, event.at
        _apply(changes, event)
    return changes


def _apply(changes: Changes, event: Event) -> None:
    key = None if event.connection is None else (event.boot, event.connection)
    sight = Sight(event.at, event.address, event.alpn)
    match event.kind:
        case EventKind.CONNECTED | EventKind.SIGNED_IN if key is not None:
            changes.opened[key] = event
            changes.see(event.peer_id, sight)
        case EventKind.CLOSED if key is not None:
            opened = changes.opened.pop(key, None)
            if opened is None or opened.kind == EventKind.SIGNED_IN:  # which may have begun before the batch
                changes.closed.add(key)
            changes.see(event.peer_id, sight)
        case EventKind.STOPPED:
            _end_all(changes, event.at)


def _end_all(changes: Changes, at: datetime) -> None:
    """Every connection that was open before ends; its peer was seen until then."""
    for event in changes.opened.values():
        changes.see(event.peer_id, Sight(max(at, event.at)))
    changes.opened.clear()
    if changes.ended is None:
        changes.ended = at
