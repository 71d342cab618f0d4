"""Ends of peers and keys, and notes (docs/adr/0042). The node closes what comes to its end by itself: nobody writes."""

import math
import time
from typing import Any

from django.db import transaction

from apps.audit.actors import Actor
from apps.peers import selectors
from apps.peers.services.peers import PeerAction, check_duplicates, write_peer
from apps.peers.terms import PeerState, state_from
from node.core.fingerprint import KeyFormatError, parse_key
from node.core.peers import InvalidPeer

MAX_OVERLAP = 400 * 86_400.0
"""Longest time for which an old key may stay beside its successor, in seconds."""


def set_peer_expiry(*, actor: Actor, peer_id: str, expires_at: float | None) -> PeerState:
    """Have the peer end at this moment, in unix seconds; None: never. One that has passed ends it at once."""
    return _change(actor, peer_id, expires_at=expires_at)


def set_key_expiry(*, actor: Actor, peer_id: str, key: str, expires_at: float | None) -> PeerState:
    """The same of one key of the peer, in any spelling; its other keys stay."""
    with transaction.atomic():
        old = selectors.get_state(peer_id)
        name = _own_key(old, "key", key)
        return _change(actor, peer_id, key_expires_at={**old.terms.key_expires_at, name: expires_at})


def set_peer_notes(*, actor: Actor, peer_id: str, notes: str) -> PeerState:
    """Replace what administrators note about the peer; "" removes it."""
    return _change(actor, peer_id, notes=notes)


def rotate_key(*, actor: Actor, peer_id: str, old: str, new: str, overlap_seconds: float) -> PeerState:
    """Give the peer a new key, and let the old one hold for so long yet; both in any spelling.

    With no overlap the old key goes at once. Keys that have ended before go as well: a peer's keys are bounded.
    """
    with transaction.atomic():
        before = selectors.get_state(peer_id)
        after = plan_rotation(before, old=old, new=new, overlap_seconds=overlap_seconds)
        return write_peer(actor, before, after, PeerAction.KEY_ROTATED)


def plan_rotation(state: PeerState, *, old: str, new: str, overlap_seconds: float) -> PeerState:
    """What `rotate_key` would store. Raises InvalidPeer naming `old`, `new` or `overlap`."""
    going = _own_key(state, "old", old)
    coming = _parsed("new", new)
    if coming == going:
        raise InvalidPeer({"new": ["This is the old key."]})
    if not math.isfinite(overlap_seconds) or not 0 <= overlap_seconds <= MAX_OVERLAP:
        raise InvalidPeer({"overlap": [f"An overlap has at most {MAX_OVERLAP / 86_400:.0f} days."]})
    now = time.time()
    ends = {name: end for name, end in state.terms.key_expires_at.items() if name not in (going, coming) and end > now}
    gone = {name for name in state.terms.key_expires_at if name not in ends} - {going, coming}
    if overlap_seconds:
        ends[going] = now + overlap_seconds
    else:
        gone.add(going)
    keys = [name for name in state.entry.fingerprints if name not in gone | {coming}]
    try:
        planned = state_from(state.draft() | {"keys": [*keys, coming], "key_expires_at": ends})
        check_duplicates(state.entry, planned.entry)
    except InvalidPeer as error:
        raise InvalidPeer({"new" if name == "keys" else name: texts for name, texts in error.errors.items()}) from None
    return planned


def _change(actor: Actor, peer_id: str, **changes: Any) -> PeerState:
    with transaction.atomic():
        old = selectors.get_state(peer_id)
        return write_peer(actor, old, state_from(old.draft() | changes, old.terms))


def _own_key(state: PeerState, field: str, key: str) -> str:
    name = _parsed(field, key)
    if name not in state.entry.fingerprints:
        raise InvalidPeer({field: [f"This is no key of the peer “{state.peer_id}”."]})
    return name


def _parsed(field: str, key: str) -> str:
    try:
        return parse_key(key)
    except KeyFormatError as error:
        raise InvalidPeer({field: [f"{error}."]}) from None
