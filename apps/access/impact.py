"""What a change of one peer would do to live connections and rights, told before it is made. Nothing is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.activity.selectors import connections_by
from apps.peers import selectors as peers
from apps.peers import services
from node.core.impact import lost
from node.core.index import Standing, build_index
from node.core.peers import PeerEntry

SHOWN = 100
"""Connections that are told one by one; of more the number."""


@dataclass(frozen=True, slots=True)
class Closing:
    """A connection that would close, and the reason that its peer would be told."""

    boot: str
    connection: int
    peer_id: str
    alpn: str
    address: str
    reason: str


@dataclass(frozen=True, slots=True)
class Impact:
    """`closes` connections, of which `closing` are told; and what goes from the peer's entry."""

    closes: int
    closing: tuple[Closing, ...]
    keys: tuple[str, ...]
    scopes: tuple[str, ...]
    resources: tuple[str, ...]


def impact(peer_id: str, changes: Mapping[str, Any] | None) -> Impact:
    """Of these changes to a peer; None removes it. Raises Absent and InvalidPeer, as the services do."""
    old = peers.get_peer(peer_id)
    new = None if changes is None else services.plan_update(peer_id, changes)
    found = _closing(old, new)
    return Impact(
        len(found),
        tuple(found[:SHOWN]),
        _gone(old.fingerprints, new.fingerprints if new else ()),
        _gone(_rights(old), _rights(new)),
        _gone(_resources(old), _resources(new)),
    )


def _closing(old: PeerEntry, new: PeerEntry | None) -> list[Closing]:
    """By the rule of the endpoint. The journal has one name of a key only; a certificate can have another."""
    terms = peers.list_terms([old.peer_id])
    before, after = build_index([old], terms=terms), build_index([] if new is None else [new], terms=terms)
    told = []
    for row in connections_by(old.peer_id, old.fingerprints):
        shown = [row.fingerprint] if row.fingerprint else []
        names = shown if before.standing(old.peer_id, shown) is Standing.GOOD else old.fingerprints
        if (found := lost(before, after, row.peer_id, names)) is not None:
            alpn, address = row.alpn or "", row.address or ""
            told.append(Closing(row.boot, row.connection, found[0], alpn, address, found[1].value))
    return told


def _rights(entry: PeerEntry | None) -> tuple[str, ...]:
    return entry.scopes if entry is not None and entry.enabled else ()


def _resources(entry: PeerEntry | None) -> tuple[str, ...]:
    if entry is None or not entry.enabled:
        return ()
    return tuple(f"{kind}/{name}" for kind, names in entry.resources.items() for name in names)


def _gone(old: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, ...]:
    kept = set(new)
    return tuple(name for name in old if name not in kept)
