"""Keys that came without being a peer's, for an administrator to admit or to dismiss.

They come with the events of the journal, in the transaction that takes those: each event counts once. Whoever makes up
keys grows nothing: the table is bounded, and so is what one address has in it.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db import transaction

from apps.audit.actors import Actor
from apps.audit.services import Change, record
from apps.enrolment.errors import Absent
from apps.enrolment.models import Stranger
from apps.peers import services as peer_services
from apps.peers.services.batches import batches
from node.core.address import origin_of
from node.core.enrolment.claim import ALPN
from node.core.fingerprint import is_fingerprint
from node.core.journal import EventKind
from node.core.peers import PeerEntry

OBJECT_TYPE = "stranger"
MAX_SHOWN = 1_000
"""Keys that are kept for administrators to see; the one that was seen longest ago goes first."""
MAX_HIDDEN = 10_000
"""The same of keys that were dismissed."""
MAX_OF_ADDRESS = 20
"""Of these, keys of one address, or one /64 of IPv6: whoever makes up keys pushes out his own."""
MAX_NEW = 50
"""Keys of one batch of events that were not known before; what is beyond comes again, if it is real."""
FOR_GOOD = 9e15
"""The time until which a key is hidden that was dismissed for good."""
_KINDS = frozenset({EventKind.CONNECTED, EventKind.REFUSED})


class StrangerAction(StrEnum):
    """What the audit log says was done. Of one that is admitted it says `peer.enrolled`."""

    DISMISSED = "stranger.dismissed"


@dataclass(slots=True)
class _Sight:
    """What a batch says of one key."""

    first: float
    last: float
    count: int
    address: str
    alpn: str
    how: str


def meet(events: Iterable[Any], **_: Any) -> None:
    """Take note of the strangers among these events. Called in the transaction that imports them."""
    seen = _seen(events)
    if not seen:
        return
    known = Stranger.objects.in_bulk(seen)
    fresh = [name for name in seen if name not in known][:MAX_NEW]
    rows = [_row(name, known.get(name), seen[name]) for name in (*known, *fresh)]
    columns = ["last_seen", "count", "address", "alpn", "how"]
    Stranger.objects.bulk_create(rows, update_conflicts=True, unique_fields=["fingerprint"], update_fields=columns)
    if fresh:
        _bound({origin_of(seen[name].address) for name in fresh})


def admit_stranger(
    *,
    actor: Actor,
    fingerprint: str,
    peer_id: str,
    scopes: Sequence[str] = (),
    resources: Mapping[str, Sequence[str]] | None = None,
) -> PeerEntry:
    """Make a peer of a key. Raises Absent, InvalidPeer."""
    with transaction.atomic():
        row = _find(fingerprint)
        draft = {"peer_id": peer_id, "keys": [row.pk], "scopes": list(scopes), "resources": resources or {}}
        through = {"stranger": row.pk, "address": row.address, "times": row.count}
        return peer_services.enrol_peer(actor=actor, draft=draft, through=through)


def dismiss_stranger(*, actor: Actor, fingerprint: str, seconds: float | None = None) -> None:
    """Show a key no more, for so many seconds or for good. Raises Absent."""
    with transaction.atomic():
        row = _find(fingerprint)
        row.hidden_until = FOR_GOOD if seconds is None else time.time() + seconds
        row.save(update_fields=["hidden_until"])
        facts = {"fingerprint": row.pk, "address": row.address, "until": None if seconds is None else row.hidden_until}
        record(actor=actor, changes=[Change(StrangerAction.DISMISSED, OBJECT_TYPE, row.pk, after=facts)])


def forget_known(*, entries: Sequence[PeerEntry], **_: Any) -> None:
    """A key that is a peer's now is no stranger's. Called in the transaction that adds the peers."""
    keys = [name for entry in entries for name in entry.fingerprints]
    _forget(keys)


def _find(fingerprint: str) -> Stranger:
    row = Stranger.objects.filter(pk=fingerprint).first()
    if row is None:
        raise Absent("unknown key", fingerprint)
    return row


def _seen(events: Iterable[Any]) -> dict[str, _Sight]:
    found: dict[str, _Sight] = {}
    for event in events:
        if _is_stranger(event):
            at, how = event.at.timestamp(), event.reason if event.kind == EventKind.REFUSED else ""
            sight = found.setdefault(event.fingerprint, _Sight(at, at, 0, "", "", ""))
            sight.last, sight.count, sight.how = at, sight.count + 1, how
            sight.address, sight.alpn = _host(event.address or ""), event.alpn or ""
    return found


def _is_stranger(event: Any) -> bool:
    """A machine that is being enrolled is none, unless its code was refused."""
    if event.kind not in _KINDS or event.peer_id is not None or not is_fingerprint(event.fingerprint or ""):
        return False
    return bool(event.kind == EventKind.REFUSED or event.alpn != ALPN.decode())


def _host(address: str) -> str:
    return address.rpartition(":")[0].strip("[]")


def _row(name: str, known: Stranger | None, sight: _Sight) -> Stranger:
    row = known or Stranger(fingerprint=name, first_seen=sight.first, count=0)
    row.last_seen = max(sight.last, row.last_seen or 0.0)
    row.count += sight.count
    row.address, row.alpn, row.how = sight.address, sight.alpn, sight.how
    return row


def _bound(origins: set[str]) -> None:
    shown = Stranger.objects.filter(hidden_until=None).order_by("-last_seen", "fingerprint")
    of_origin: dict[str, list[str]] = {name: [] for name in origins}
    for name, address in shown.values_list("pk", "address"):
        of_origin.get(origin_of(address), []).append(name)
    _forget(name for names in of_origin.values() for name in names[MAX_OF_ADDRESS:])
    _forget(shown.values_list("pk", flat=True)[MAX_SHOWN:])
    hidden = Stranger.objects.exclude(hidden_until=None).order_by("-last_seen", "fingerprint")
    _forget(hidden.values_list("pk", flat=True)[MAX_HIDDEN:])


def _forget(names: Iterable[str]) -> None:
    for batch in batches(list(names)):
        Stranger.objects.filter(pk__in=batch).delete()
