"""The in-memory peer index: what the hot path reads (spec core §13, decision 7).

An index is immutable once published. Building one, or applying a delta to a copy of one, always gives the same index
for the same rows, whatever the order of events.
"""

import hashlib
import hmac
import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from node.core.identity import AuthToken, Identity
from node.core.peers import ApiKeyEntry, PeerEntry
from node.core.repository import IdentityProvider
from node.core.tokens import API_KEY_MARK, api_key_prefix

_Row = TypeVar("_Row")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PeerIndex:
    """Every peer and API key, and which enabled peer each key and token names.

    `contested` holds the credentials that more than one enabled peer claims; the lowest peer_id has them. Writers
    refuse such rows, so it is empty unless a file was edited behind their back.
    """

    peers: dict[str, PeerEntry] = field(default_factory=dict)
    api_keys: dict[str, ApiKeyEntry] = field(default_factory=dict)
    holders: dict[str, Identity] = field(default_factory=dict)
    contested: frozenset[str] = frozenset()
    generation: int = 0

    def resolve_fingerprint(self, fingerprint: str) -> Identity | None:
        return self.holders.get(fingerprint)

    def resolve_token(self, token: AuthToken, now: float | None = None) -> Identity | None:
        """Peers first, then API keys (spec core §8). `now` is in unix seconds."""
        try:
            text = token.raw.decode()
        except UnicodeDecodeError:
            return None
        digest = "sha256:" + hashlib.sha256(token.raw).hexdigest()
        return self.holders.get(digest) or self._resolve_api_key(text, digest, time.time() if now is None else now)

    def _resolve_api_key(self, text: str, digest: str, now: float) -> Identity | None:
        entry = self.api_keys.get(api_key_prefix(text)) if text.startswith(API_KEY_MARK) else None
        if entry is None or not hmac.compare_digest(entry.hash, digest):
            return None
        expired = entry.expires_at is not None and now >= entry.expires_at
        return None if expired else entry.identity()

    def apply(
        self,
        peers: Mapping[str, PeerEntry | None],
        api_keys: Mapping[str, ApiKeyEntry | None],
        generation: int,
    ) -> "PeerIndex":
        """A new index with these rows changed (None = the row is gone). This one stays as it is."""
        new_peers = _patched(self.peers, peers)
        claims = _claims(self, new_peers, peers)
        holders, contested = self.holders, self.contested
        if claims:
            holders = holders.copy()
            _settle(holders, claims)
            disputed = {credential for credential, claimants in claims.items() if len(claimants) > 1}
            for credential in sorted(disputed - contested):
                _warn_contested(credential, holders[credential].id)
            contested = (contested - claims.keys()) | disputed
        return PeerIndex(new_peers, _patched(self.api_keys, api_keys), holders, contested, generation)

    def standing(self, peer_id: str, fingerprints: Iterable[str]) -> "Standing":
        """How a live connection that proved `fingerprints` as `peer_id` stands under this index."""
        entry = self.peers.get(peer_id)
        if entry is None:
            return Standing.REMOVED
        if not entry.enabled:
            return Standing.DISABLED
        holds = any((found := self.holders.get(name)) is not None and found.id == peer_id for name in fingerprints)
        return Standing.GOOD if holds else Standing.REKEYED


class Standing(StrEnum):
    """Whether a connection may go on; the value is the close reason that the peer is told."""

    GOOD = ""
    REMOVED = "revoked: peer removed"
    DISABLED = "revoked: peer disabled"
    REKEYED = "revoked: key no longer valid"


class IndexBuilder:
    """Collects rows in any order, a page at a time, and gives the index. Not reusable after `finish`."""

    def __init__(self) -> None:
        self._peers: dict[str, PeerEntry] = {}
        self._api_keys: dict[str, ApiKeyEntry] = {}
        self._owners: dict[str, str] = {}
        self._holders: dict[str, Identity] = {}
        self._contested: set[str] = set()

    def add_peer(self, entry: PeerEntry) -> None:
        self._peers[entry.peer_id] = entry
        identity = entry.identity()
        for credential in _credentials(entry):
            owner = self._owners.setdefault(credential, entry.peer_id)
            if owner != entry.peer_id:
                self._contested.add(credential)
            if entry.peer_id <= owner:
                self._owners[credential] = entry.peer_id
                self._holders[credential] = identity

    def add_api_key(self, entry: ApiKeyEntry) -> None:
        self._api_keys[entry.prefix] = entry

    def finish(self, generation: int) -> PeerIndex:
        for credential in sorted(self._contested):
            _warn_contested(credential, self._owners[credential])
        return PeerIndex(self._peers, self._api_keys, self._holders, frozenset(self._contested), generation)


def build_index(peers: Iterable[PeerEntry], api_keys: Iterable[ApiKeyEntry] = (), generation: int = 0) -> PeerIndex:
    """The index of these rows in one go."""
    builder = IndexBuilder()
    for peer in peers:
        builder.add_peer(peer)
    for key in api_keys:
        builder.add_api_key(key)
    return builder.finish(generation)


def _claims(old: PeerIndex, new_peers: Mapping[str, PeerEntry], changed: Collection[str]) -> dict[str, list[PeerEntry]]:
    """Per credential that the changed peers had or have: every enabled peer that claims it now."""
    claims: dict[str, list[PeerEntry]] = {}
    for peer_id in changed:
        claims.update(
            {credential: [] for credential in _credentials(old.peers.get(peer_id)) if credential not in claims}
        )
        for credential in _credentials(new_peers.get(peer_id)):
            claims.setdefault(credential, []).append(new_peers[peer_id])
    disputed = old.contested.intersection(claims)
    for credential in claims.keys() - disputed:
        holder = old.holders.get(credential)
        if holder is not None and holder.id not in changed:
            claims[credential].append(new_peers[holder.id])
    return claims | _all_claims(new_peers, disputed)


def _all_claims(peers: Mapping[str, PeerEntry], disputed: frozenset[str]) -> dict[str, list[PeerEntry]]:
    """The same by a look at every peer: only for credentials that were already claimed twice, which writers refuse."""
    claims: dict[str, list[PeerEntry]] = {credential: [] for credential in disputed}
    if disputed:
        for entry in peers.values():
            for credential in disputed.intersection(_credentials(entry)):
                claims[credential].append(entry)
    return claims


def _settle(holders: dict[str, Identity], claims: Mapping[str, list[PeerEntry]]) -> None:
    """Give each credential to the lowest peer_id that claims it (decision 7)."""
    for credential, claimants in claims.items():
        if claimants:
            holders[credential] = min(claimants, key=lambda entry: entry.peer_id).identity()
        else:
            holders.pop(credential, None)


def _warn_contested(credential: str, owner: str) -> None:
    logger.warning("credential claimed by several peers", extra={"credential": credential[:16] + "…", "owner": owner})


def _patched(rows: dict[str, _Row], changes: Mapping[str, _Row | None]) -> dict[str, _Row]:
    if not changes:
        return rows
    rows = rows.copy()
    for key, value in changes.items():
        if value is None:
            rows.pop(key, None)
        else:
            rows[key] = value
    return rows


def _credentials(entry: PeerEntry | None) -> Iterator[str]:
    """What proves an enabled peer: its fingerprints and its token's hash. The two forms can never be equal texts."""
    if entry is None or not entry.enabled:
        return
    yield from entry.fingerprints
    if entry.auth_token_hash is not None:
        yield entry.auth_token_hash


@dataclass(frozen=True, slots=True)
class IndexSwap:
    """One change of index, told to subscribers after it took effect.

    `changed` names the peers that may differ (None: any may). `committed_at` is the writer's clock in unix seconds at
    the last row that the swap contains, where the notification told it; `swapped_at` is ours.
    """

    old: PeerIndex
    new: PeerIndex
    changed: frozenset[str] | None
    committed_at: float | None
    swapped_at: float


class IndexProvider(IdentityProvider):
    """Holds the current index. A read is one attribute load and one dict lookup; a publish swaps the whole object."""

    def __init__(self) -> None:
        self.index = PeerIndex()
        self._subscribers: list[Callable[[IndexSwap], None]] = []

    def resolve_from_fingerprint(self, fingerprint: str) -> Identity | None:
        return self.index.holders.get(fingerprint)

    def resolve_from_token(self, token: AuthToken) -> Identity | None:
        return self.index.resolve_token(token)

    def subscribe(self, callback: Callable[[IndexSwap], None]) -> None:
        """Call `callback` on the loop after every later swap. It must not block and must not raise."""
        self._subscribers.append(callback)

    def publish(
        self, index: PeerIndex, changed: frozenset[str] | None = None, committed_at: float | None = None
    ) -> None:
        """Make `index` current, then tell the subscribers."""
        swap = IndexSwap(self.index, index, changed, committed_at, time.time())
        self.index = index
        for callback in self._subscribers:
            callback(swap)
