"""What a change of one peer would do to live connections and rights, told before it is made. Nothing is written."""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from apps.peers import selectors, services
from apps.peers.closings import Closings, closings_by
from apps.peers.hanging import Hanging, hanging_on, rights_by
from apps.peers.terms import PeerState, ends_of
from node.core.access import AccessControl, check_access
from node.core.grants import Grant
from node.core.identity import Identity
from node.core.index import build_index
from node.core.scopes import written_out

SHOWN = 100
"""Connections that are told one by one; of more the number."""


@dataclass(frozen=True, slots=True)
class Impact:
    """The connections that would close, and what the peer loses at once; `token`: its token goes.

    A scope or a resource that a grant goes on giving is not lost. `hanging`: rows of other apps that go with it, such
    as its grants. `because`: why, in words for people.
    """

    closings: Closings
    because: str = ""
    keys: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    token: bool = False
    hanging: tuple[Hanging, ...] = ()

    @property
    def loses(self) -> bool:
        return bool(self.closings.total or any(self.gone))

    @property
    def gone(self) -> Iterator[tuple[str, str]]:
        """Each thing that goes, by its kind."""
        for kind, names in (("Key", self.keys), ("Scope", self.scopes), ("Resource", self.resources)):
            yield from ((kind, name) for name in names)
        if self.token:
            yield "Token", "which clients without a key show"
        yield from ((one.kind, one.words) for one in self.hanging)

    @property
    def _rows(self) -> list[str]:
        return [one.row_id for one in self.hanging]

    def facts(self) -> list[Any]:
        """What whoever agrees to it agrees to. Connections come and go meanwhile: of them it is why they close."""
        return [self.keys, self.scopes, self.resources, self.token, self._rows, self.closings.reasons]


def impact(peer_id: str, changes: Mapping[str, Any] | None) -> Impact:
    """Of these changes to a peer; None removes it. Raises Absent and InvalidPeer, as the services do."""
    old = selectors.get_state(peer_id)
    return impact_between(old, None if changes is None else services.plan_update(peer_id, changes))


def impact_between(old: PeerState, new: PeerState | None, *, limit: int = SHOWN) -> Impact:
    """The same where both are known."""
    now = time.time()
    hanging = hanging_on([old.peer_id])
    before = _identity(old, rights_by(hanging), now)
    after = None if new is None else _identity(new, rights_by(hanging, named=new.peer_id), now)
    return Impact(
        closings_by([(old, new)], now=now, limit=limit),
        _because(new, after),
        _gone(_keys(old, now) if before else (), _keys(new, now)),
        _lost_scopes(before, after),
        _lost_resources(before, after),
        before is not None and _token(old) is not None and _token(old) != (_token(new) if new else None),
        hanging if new is None else (),
    )


def _identity(state: PeerState, grants: Iterable[Grant], now: float) -> Identity | None:
    """What the node takes the peer for, locks aside; None where it may not connect."""
    return build_index([state.entry], (), 0, ends_of(state), now, grants).identity_of(state.peer_id)


def _lost_scopes(before: Identity | None, after: Identity | None) -> tuple[str, ...]:
    had = before.scopes if before else ()
    return tuple(name for name in had if not _passes(AccessControl(required_scopes=(name,)), after))


def _lost_resources(before: Identity | None, after: Identity | None) -> tuple[str, ...]:
    had = [(kind, name) for kind, names in (before.resources if before else {}).items() for name in names]
    asked = ((kind, name, AccessControl(resource_type=kind, resource_action=name)) for kind, name in had)
    return tuple(f"{kind}/{name}" for kind, name, control in asked if not _passes(control, after))


def _passes(control: AccessControl, after: Identity | None) -> bool:
    """What handlers ask for also by a `*`."""
    return check_access(control, None if after is None else written_out(after, control)).allowed


def _because(new: PeerState | None, after: Identity | None) -> str:
    if new is None:
        return "the peer is removed"
    if not new.entry.enabled:
        return "the peer is disabled"
    return "no longer in its entry" if after else "the peer has expired"


def _keys(state: PeerState | None, now: float) -> tuple[str, ...]:
    """Those that hold, whether or not the peer may connect: a disabled one keeps them."""
    ends = state.terms.key_expires_at if state else {}
    return tuple(name for name in state.entry.fingerprints if ends.get(name, now + 1) > now) if state else ()


def _token(state: PeerState) -> str | None:
    return state.entry.auth_token_hash


def _gone(old: Iterable[str], new: Iterable[str]) -> tuple[str, ...]:
    kept = set(new)
    return tuple(name for name in old if name not in kept)
