"""What a change of one peer would do to live connections and rights, told before it is made. Nothing is written."""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from apps.peers import selectors, services
from apps.peers.closings import Closings, closings_by
from apps.peers.terms import PeerState

SHOWN = 100
"""Connections that are told one by one; of more the number."""


@dataclass(frozen=True, slots=True)
class Impact:
    """The connections that would close, and what goes from the peer's entry at once; `token`: its token does.

    `because`: why, in words for people.
    """

    closings: Closings
    because: str = ""
    keys: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    token: bool = False

    @property
    def loses(self) -> bool:
        return bool(self.closings.total or self.keys or self.scopes or self.resources or self.token)

    @property
    def gone(self) -> Iterator[tuple[str, str]]:
        """Each thing that goes, by its kind."""
        for kind, names in (("Key", self.keys), ("Scope", self.scopes), ("Resource", self.resources)):
            yield from ((kind, name) for name in names)
        if self.token:
            yield "Token", "which clients without a key show"

    def facts(self) -> list[Any]:
        """What whoever agrees to it agrees to. Connections come and go meanwhile: of them it is why they close."""
        return [self.keys, self.scopes, self.resources, self.token, self.closings.reasons]


def impact(peer_id: str, changes: Mapping[str, Any] | None) -> Impact:
    """Of these changes to a peer; None removes it. Raises Absent and InvalidPeer, as the services do."""
    old = selectors.get_state(peer_id)
    return impact_between(old, None if changes is None else services.plan_update(peer_id, changes))


def impact_between(old: PeerState, new: PeerState | None, *, limit: int = SHOWN) -> Impact:
    """The same where both are known."""
    now = time.time()
    before, after = (state if state is not None and _works(state, now) else None for state in (old, new))
    return Impact(
        closings_by([(old, new)], now=now, limit=limit),
        _because(new, now),
        _gone(_keys(before, now), _keys(new, now)),
        _gone(before.entry.scopes if before else (), after.entry.scopes if after else ()),
        _gone(_resources(before), _resources(after)),
        before is not None and _token(before) is not None and _token(before) != (_token(new) if new else None),
    )


def _works(state: PeerState, now: float) -> bool:
    end = state.terms.expires_at
    return state.entry.enabled and (end is None or end > now)


def _because(new: PeerState | None, now: float) -> str:
    if new is None:
        return "the peer is removed"
    if not new.entry.enabled:
        return "the peer is disabled"
    return "no longer in its entry" if _works(new, now) else "the peer has expired"


def _keys(state: PeerState | None, now: float) -> tuple[str, ...]:
    """Those that hold, whether or not the peer may connect: a disabled one keeps them."""
    ends = state.terms.key_expires_at if state else {}
    return tuple(name for name in state.entry.fingerprints if ends.get(name, now + 1) > now) if state else ()


def _token(state: PeerState) -> str | None:
    return state.entry.auth_token_hash


def _resources(state: PeerState | None) -> tuple[str, ...]:
    found = state.entry.resources if state else {}
    return tuple(f"{kind}/{name}" for kind, names in found.items() for name in names)


def _gone(old: Iterable[str], new: Iterable[str]) -> tuple[str, ...]:
    kept = set(new)
    return tuple(name for name in old if name not in kept)
