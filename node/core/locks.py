"""Locks: what an administrator holds back for a while, whatever rights the peers have (docs/adr/0036).

Pure rules. An index has every lock of the table; what of it holds at one moment is a value of its own, which the hot
path reads. Both are immutable, and the same rows always give the same of both.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from node.core.credentials import check_provider
from node.core.errors import InvalidFields
from node.core.identity import Identity
from node.core.peers import CONTROL, check_peer_id, check_scopes
from node.core.scopes import is_of_handler, overlap
from node.core.span import Span

MAX_MESSAGE = 200
"""Longest message that the refused side is shown, in characters."""
MAX_MESSAGE_BYTES = 240
"""The same in bytes of UTF-8, so that all of it fits the frame that closes a connection."""
MAX_REASON = 1000
"""Longest reason that administrators leave for each other, in characters."""
MAX_ALPN = 255
"""Longest name of a protocol, in bytes (RFC 7301 §3.1)."""
MAX_REMEMBERED = 65_536
"""Callers whose identity under the present locks is remembered; beyond them, all are forgotten and worked out anew."""
LOCKED = "locked"
"""The first word of every refusal by a lock; its message follows after a colon."""


class InvalidLock(InvalidFields):
    """One or more fields of a lock are wrong."""


class LockKind(StrEnum):
    """What a lock holds. Its target names which one."""

    PEER = "peer"
    SCOPE = "scope"
    ALPN = "alpn"
    CREDENTIAL = "credential"
    EVERYTHING = "everything"


@dataclass(frozen=True, slots=True)
class Lock:
    """One lock. `target` is "" for everything; `expires_at` is in unix seconds, None for a lock without an end."""

    lock_id: str
    kind: LockKind
    target: str = ""
    message: str = ""
    expires_at: float | None = None

    def holds(self, now: float) -> bool:
        """Whether it does at this moment, in unix seconds: from its first row on, up to its end."""
        return self.expires_at is None or now < self.expires_at

    @property
    def words(self) -> str:
        """What the refused side is told."""
        return f"{LOCKED}: {self.message}" if self.message else LOCKED

    @property
    def what(self) -> str:
        """What it holds, in words for people."""
        return str(self.kind) if self.kind is LockKind.EVERYTHING else f"{self.kind} {self.target}"


@dataclass(frozen=True, slots=True)
class Held:
    """What is locked at one moment, and by which lock.

    Of several locks on one target the one that holds longest speaks, and of these the one with the lowest id.
    """

    everything: Lock | None = None
    peers: Mapping[str, Lock] = field(default_factory=dict)
    scopes: Mapping[str, Lock] = field(default_factory=dict)
    alpns: Mapping[bytes, Lock] = field(default_factory=dict)
    credentials: Mapping[str, Lock] = field(default_factory=dict)
    _remembered: dict[str, tuple[Identity, Identity | None]] = field(default_factory=dict, compare=False, repr=False)
    """What `resolved` said last of each name, and of which identity it did. Never of another than is asked about."""

    def on_connection(self, alpn: bytes, peer_ids: Iterable[str] = ()) -> Lock | None:
        """The lock on a connection of this protocol, with a peer of these names; a stranger has none."""
        if (lock := self.everything or self.alpns.get(alpn)) is not None:
            return lock
        return next((self.peers[name] for name in peer_ids if name in self.peers), None)

    def on_credential(self, provider: str) -> Lock | None:
        """The lock that keeps a credential from the handlers."""
        return self.everything or self.credentials.get(provider)

    def resolved(self, identity: Identity | None) -> Identity | None:
        """An identity as it is now: nobody where it is locked itself, else without the scopes that are.

        The same goes for what it is without its grants.
        An API key goes by its prefix, as a peer does by its name. Of an identity that was seen before under these
        locks, the answer is a look into a dictionary, however many scopes it has.
        """
        if identity is None or self is NOTHING_HELD:
            return identity
        seen = self._remembered.get(identity.id)
        if seen is not None and (seen[0] is identity or seen[0] == identity):
            return seen[1]
        if len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.clear()
        found = self._resolved(identity)
        self._remembered[identity.id] = identity, found
        return found

    def on_caller(self, name: str) -> Lock | None:
        """The lock that makes a nobody of a peer of this name, or of an API key with this prefix."""
        return self.everything or self.peers.get(name)

    def _resolved(self, identity: Identity) -> Identity | None:
        if self.on_caller(identity.id) is not None:
            return None
        locked = {scope: lock.words for scope, lock in self.scopes.items() if _concerns(scope, identity.scopes)}
        if not locked:
            return identity
        kept = tuple(scope for scope in identity.scopes if scope not in self.scopes)
        alone = replace(identity, scopes=kept, locked=locked, own=None)
        own = None if identity.own is None else self._resolved(identity.own)
        return alone if own is None or own == alone else replace(alone, own=own)

    def __len__(self) -> int:
        named = len(self.peers) + len(self.scopes) + len(self.alpns) + len(self.credentials)
        return named + (self.everything is not None)


def _concerns(locked: str, scopes: tuple[str, ...]) -> bool:
    """Whether a lock on a scope holds any of these: by its letters or, of a handler's, by what both cover."""
    return locked in scopes or (is_of_handler(locked) and any(overlap(locked, held) for held in scopes))


NOTHING_HELD: Final = Held()
"""What holds while no lock does: the very object, so that the hot path asks no more than whether it is this one."""


@dataclass(frozen=True, slots=True)
class LockIndex:
    """Every lock by its id, expired ones too. `generation` is that of the rows that it was read from."""

    locks: Mapping[str, Lock] = field(default_factory=dict)
    generation: int = 0

    def patched(self, changes: Mapping[str, Lock | None], generation: int) -> "LockIndex":
        """A copy with these locks changed; None removes one."""
        locks = {**self.locks, **changes}
        return LockIndex({name: lock for name, lock in locks.items() if lock is not None}, generation)

    def held(self, now: float) -> Held:
        """What holds at this moment, in unix seconds."""
        best: dict[LockKind, dict[str, Lock]] = {kind: {} for kind in LockKind}
        for lock in sorted(self.locks.values(), key=_last_first):
            if lock.holds(now):
                best[lock.kind].setdefault(lock.target, lock)
        if not any(best.values()):
            return NOTHING_HELD
        return Held(
            best[LockKind.EVERYTHING].get(""),
            best[LockKind.PEER],
            best[LockKind.SCOPE],
            {name.encode(): lock for name, lock in best[LockKind.ALPN].items()},
            best[LockKind.CREDENTIAL],
        )

    def span(self, now: float) -> Span:
        """The stretch of time around this moment in which the same holds."""
        ends = [lock.expires_at for lock in self.locks.values() if lock.expires_at is not None]
        began = max((end for end in ends if end <= now), default=-math.inf)
        return Span(began, min((end for end in ends if end > now), default=math.inf))


def check_target(kind: LockKind, value: Any) -> list[str]:
    """Messages on what is wrong with the target of such a lock; empty if nothing is."""
    return _TARGETS[kind](value)


def check_message(value: Any) -> list[str]:
    """Messages on what is wrong with what the refused side is to be shown."""
    if wrong := _check_line(value, MAX_MESSAGE):
        return wrong
    size = len(value.encode())
    return [] if size <= MAX_MESSAGE_BYTES else [f"At most {MAX_MESSAGE_BYTES} bytes of UTF-8; this has {size}."]


def check_reason(value: Any) -> list[str]:
    """Messages on what is wrong with what administrators leave for each other."""
    return _check_line(value, MAX_REASON)


def _check_line(value: Any, most: int) -> list[str]:
    if not isinstance(value, str) or CONTROL.search(value):
        return ["This is one line of text."]
    return [] if len(value) <= most else [f"At most {most} characters; this has {len(value)}."]


def _last_first(lock: Lock) -> tuple[float, str]:
    return (-math.inf if lock.expires_at is None else -lock.expires_at, lock.lock_id)


def _check_scope(value: Any) -> list[str]:
    return check_scopes([value]) if value else ["Which scope?"]


def _check_alpn(value: Any) -> list[str]:
    if not isinstance(value, str) or not value or CONTROL.search(value):
        return ["A protocol has a name, such as alknet/call."]
    return [] if len(value.encode()) <= MAX_ALPN else [f"The name of a protocol has at most {MAX_ALPN} bytes."]


def _check_nothing(value: Any) -> list[str]:
    return [] if value == "" else ["Everything has no target."]


_TARGETS = {
    LockKind.PEER: check_peer_id,
    LockKind.SCOPE: _check_scope,
    LockKind.ALPN: _check_alpn,
    LockKind.CREDENTIAL: check_provider,
    LockKind.EVERYTHING: _check_nothing,
}
