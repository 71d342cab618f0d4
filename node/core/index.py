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

from node.core.grants import Grant, Grants, build_grants, with_grants
from node.core.identity import AuthContext, AuthToken, Identity
from node.core.lock_provider import LockProvider
from node.core.locks import NOTHING_HELD, Held, Lock
from node.core.peers import ApiKeyEntry, PeerEntry
from node.core.repository import IdentityProvider
from node.core.sharded import ShardedMap, ShardedMapBuilder
from node.core.span import Span
from node.core.terms import Term, Terms, build_terms
from node.core.tokens import API_KEY_MARK, api_key_prefix

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PeerIndex:
    """Every peer and API key; which enabled peer each key and token names, with which rights, at one moment.

    That moment is the one of its `terms` and `grants`.

    `contested` holds the credentials that more than one enabled peer claims; the lowest peer_id has them. Writers
    refuse such rows, so it is empty unless a file was edited behind their back.
    """

    peers: ShardedMap[PeerEntry] = field(default_factory=ShardedMap)
    api_keys: ShardedMap[ApiKeyEntry] = field(default_factory=ShardedMap)
    holders: ShardedMap[Identity] = field(default_factory=ShardedMap)
    contested: frozenset[str] = frozenset()
    generation: int = 0
    terms: Terms = field(default_factory=Terms)
    grants: Grants = field(default_factory=Grants)

    @property
    def span(self) -> Span:
        """The stretch of time around the moment of this index in which nothing of it ends or is back by itself."""
        return self.terms.span.within(self.grants.span)

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
        terms: Mapping[str, Term | None] | None = None,
        now: float | None = None,
        grants: Mapping[str, Grant | None] | None = None,
    ) -> "PeerIndex":
        """A new index with these rows changed (None = the row is gone). This one stays as it is.

        The cost is that of the changed rows, however many others there are. Changed terms and grants are judged at
        `now`.
        """
        moment = time.time() if now is None else now
        judged = self.terms.patched(terms or {}, moment)
        return self._changed(peers, api_keys, generation, judged, self.grants.patched(grants or {}, moment))

    def at(self, now: float) -> "PeerIndex":
        """The index of the same rows at another moment, in unix seconds; this very one where nothing ends between."""
        terms, grants = self.terms.at(now), self.grants.at(now)
        same = terms is self.terms and grants is self.grants
        return self if same else self._changed({}, {}, self.generation, terms, grants)

    def differing(self, other: "PeerIndex") -> set[str]:
        """The names of the peers whose ends or grants are others in one of two indexes of the same peers."""
        return self.terms.differing(other.terms) | self.grants.differing(other.grants)

    def identity_of(self, peer_id: str) -> Identity | None:
        """What a peer of this name is, by whatever it shows that is its own; None for one that may not connect."""
        entry = self.peers.get(peer_id)
        may = entry is not None and entry.enabled and peer_id not in self.terms.peers
        return with_grants(entry.identity(), self.grants.held) if entry is not None and may else None

    def _changed(
        self,
        peers: Mapping[str, PeerEntry | None],
        api_keys: Mapping[str, ApiKeyEntry | None],
        generation: int,
        terms: Terms,
        grants: Grants,
    ) -> "PeerIndex":
        new_peers = self.peers.patched(peers)
        changed = peers.keys() | self.terms.differing(terms) | self.grants.differing(grants)
        claims = _claims(self, new_peers, terms, changed)
        holders = self.holders.patched(_settled(claims, grants))
        disputed = {credential for credential, claimants in claims.items() if len(claimants) > 1}
        for credential in sorted(disputed - self.contested):
            _warn_contested(credential, holders[credential].id)
        contested = self.contested.difference(claims) | disputed
        return PeerIndex(new_peers, self.api_keys.patched(api_keys), holders, contested, generation, terms, grants)

    def standing(self, peer_id: str, fingerprints: Iterable[str]) -> "Standing":
        """How a live connection that proved `fingerprints` as `peer_id` stands under this index."""
        entry = self.peers.get(peer_id)
        if entry is None:
            return Standing.REMOVED
        if not entry.enabled:
            return Standing.DISABLED
        if peer_id in self.terms.peers:
            return Standing.EXPIRED
        names = tuple(fingerprints)
        if any((found := self.holders.get(name)) is not None and found.id == peer_id for name in names):
            return Standing.GOOD
        ended = any(name in entry.fingerprints and (peer_id, name) in self.terms.keys for name in names)
        return Standing.KEY_EXPIRED if ended else Standing.REKEYED


class Standing(StrEnum):
    """Whether a connection may go on; the value is the close reason that the peer is told."""

    GOOD = ""
    REMOVED = "revoked: peer removed"
    DISABLED = "revoked: peer disabled"
    REKEYED = "revoked: key no longer valid"
    EXPIRED = "expired: peer"
    KEY_EXPIRED = "expired: key"
    UNGRANTED = "revoked: grant ended"


class IndexBuilder:
    """Collects rows in any order, a page at a time, and gives the index. Not reusable after `finish`.

    A row may come again, since a peer that is deleted and inserted anew moves to the end of its table: the last one
    counts. Peers that are as they were in `previous` are shared with it, so that reading everything again costs no
    memory. What of `terms` is over names nobody; what of `grants` is not gives its rights.
    """

    def __init__(
        self, previous: PeerIndex | None = None, terms: Terms | None = None, grants: Grants | None = None
    ) -> None:
        self._previous = previous or PeerIndex()
        self._terms = terms or Terms()
        self._grants = grants or Grants()
        self._peers = ShardedMapBuilder[PeerEntry]()
        self._api_keys = ShardedMapBuilder[ApiKeyEntry]()
        self._holders = ShardedMapBuilder[Identity]()
        self._claimants: dict[str, set[str]] = {}
        self._stale: set[str] = set()

    def add_peer(self, entry: PeerEntry) -> None:
        self._stale.update(_credentials(self._peers.get(entry.peer_id), self._terms))
        known = self._previous.peers.get(entry.peer_id)
        unchanged = known == entry
        entry = known if known is not None and unchanged else entry
        self._peers[entry.peer_id] = entry
        identity = self._held_before(entry) if unchanged else None
        for credential in _credentials(entry, self._terms):
            identity = identity or with_grants(entry.identity(), self._grants.held)
            self._claim(credential, identity)

    def add_api_key(self, entry: ApiKeyEntry) -> None:
        self._api_keys[entry.prefix] = entry

    def finish(self, generation: int) -> PeerIndex:
        """The cost is that of the credentials in doubt, which are few."""
        peers, holders = self._peers.build(), self._holders.build()
        claims = {
            credential: self._claims_on(credential, holders[credential].id, peers)
            for credential in self._claimants.keys() | self._stale
        }
        holders = holders.patched(_settled(claims, self._grants))
        contested = frozenset(credential for credential, claimants in claims.items() if len(claimants) > 1)
        for credential in sorted(contested):
            _warn_contested(credential, holders[credential].id)
        return PeerIndex(peers, self._api_keys.build(), holders, contested, generation, self._terms, self._grants)

    def _claim(self, credential: str, identity: Identity) -> None:
        """The first one has it until `finish`; from the second peer on, all that ever claimed it are remembered."""
        holder = self._holders.get(credential)
        if holder is None:
            self._holders[credential] = identity
        elif holder.id != identity.id:
            self._claimants.setdefault(credential, {holder.id}).add(identity.id)

    def _claims_on(self, credential: str, first: str, peers: Mapping[str, PeerEntry]) -> list[PeerEntry]:
        """Of all that ever claimed it (`first` alone, where no others did), those whose last row still does."""
        claimants = (peers[peer_id] for peer_id in self._claimants.get(credential, {first}))
        return [entry for entry in claimants if credential in _credentials(entry, self._terms)]

    def _held_before(self, entry: PeerEntry) -> Identity | None:
        """The identity under which `previous` knew this very entry, if one of its credentials was its own.

        With other grants it was another.
        """
        if self._previous.grants.held.get(entry.peer_id) != self._grants.held.get(entry.peer_id):
            return None
        for credential in _credentials(entry, self._terms):
            holder = self._previous.holders.get(credential)
            if holder is not None and holder.id == entry.peer_id:
                return holder
        return None


def build_index(
    peers: Iterable[PeerEntry],
    api_keys: Iterable[ApiKeyEntry] = (),
    generation: int = 0,
    terms: Iterable[Term] = (),
    now: float | None = None,
    grants: Iterable[Grant] = (),
) -> PeerIndex:
    """The index of these rows in one go, at this moment."""
    moment = time.time() if now is None else now
    builder = IndexBuilder(None, build_terms(terms, moment), build_grants(grants, moment))
    for peer in peers:
        builder.add_peer(peer)
    for key in api_keys:
        builder.add_api_key(key)
    return builder.finish(generation)


def _claims(
    old: PeerIndex, new_peers: Mapping[str, PeerEntry], terms: Terms, changed: Collection[str]
) -> dict[str, list[PeerEntry]]:
    """Per credential that the changed peers had or have: every enabled peer that claims it now."""
    claims: dict[str, list[PeerEntry]] = {}
    for peer_id in changed:
        claims.update({name: [] for name in _credentials(old.peers.get(peer_id), old.terms) if name not in claims})
        for credential in _credentials(new_peers.get(peer_id), terms):
            claims.setdefault(credential, []).append(new_peers[peer_id])
    disputed = old.contested.intersection(claims)
    for credential in claims.keys() - disputed:
        holder = old.holders.get(credential)
        if holder is not None and holder.id not in changed:
            claims[credential].append(new_peers[holder.id])
    return claims | _all_claims(new_peers, terms, disputed)


def _all_claims(peers: Mapping[str, PeerEntry], terms: Terms, disputed: frozenset[str]) -> dict[str, list[PeerEntry]]:
    """The same by a look at every peer: only for credentials that were already claimed twice, which writers refuse."""
    claims: dict[str, list[PeerEntry]] = {credential: [] for credential in disputed}
    if disputed:
        for entry in peers.values():
            for credential in disputed.intersection(_credentials(entry, terms)):
                claims[credential].append(entry)
    return claims


def _settled(claims: Mapping[str, list[PeerEntry]], grants: Grants) -> dict[str, Identity | None]:
    """Each credential goes to the lowest peer_id that claims it (decision 7), or to nobody."""
    return {
        credential: with_grants(min(claimants, key=lambda entry: entry.peer_id).identity(), grants.held)
        if claimants
        else None
        for credential, claimants in claims.items()
    }


def _warn_contested(credential: str, owner: str) -> None:
    logger.warning("credential claimed by several peers", extra={"credential": credential[:16] + "…", "owner": owner})


def _credentials(entry: PeerEntry | None, terms: Terms) -> Iterator[str]:
    """What proves an enabled peer: its fingerprints and its token's hash. The two forms can never be equal texts."""
    if entry is None or not entry.enabled or entry.peer_id in terms.peers:
        return
    ended = terms.keys
    yield from (
        (name for name in entry.fingerprints if (entry.peer_id, name) not in ended) if ended else entry.fingerprints
    )
    if entry.auth_token_hash is not None:
        yield entry.auth_token_hash


@dataclass(frozen=True, slots=True)
class IndexSwap:
    """One change of index, told to subscribers after it took effect.

    `changed` names the peers that may differ (None: any may). `committed_at` is the writer's clock in unix seconds at
    the last row that the swap contains, where the notification told it; `swapped_at` is ours. `held` is what is locked
    at that moment.
    """

    old: PeerIndex
    new: PeerIndex
    changed: frozenset[str] | None
    committed_at: float | None
    swapped_at: float
    held: Held


class IndexProvider(LockProvider, IdentityProvider):
    """Holds the current index. A read is one attribute load and one dict lookup; a publish swaps the whole object.

    While a lock holds, whom it concerns is nobody, and a scope that it names is nobody's.
    """

    def __init__(self) -> None:
        LockProvider.__init__(self)
        self.index = PeerIndex()
        self._subscribers: list[Callable[[IndexSwap], None]] = []

    def resolve_from_fingerprint(self, fingerprint: str) -> Identity | None:
        identity = self.index.holders.get(fingerprint)
        return identity if self.held is NOTHING_HELD else self.held.resolved(identity)

    def resolve_peer(self, peer_id: str) -> Identity | None:
        return self.held.resolved(self.index.identity_of(peer_id))

    def resolve_from_token(self, token: AuthToken) -> Identity | None:
        return self.held.resolved(self.index.resolve_token(token))

    def lock_on_token(self, token: AuthToken) -> Lock | None:
        holder = self.index.resolve_token(token)
        return None if holder is None else self.held.on_caller(holder.id)

    def lock_on(self, auth: AuthContext) -> Lock | None:
        """The same for a connection that was accepted as somebody, and for one whose key has got a peer since."""
        holders = (self.index.resolve_fingerprint(name) for name in auth.fingerprints)
        names = [holder.id for holder in (auth.identity, *holders) if holder is not None]
        return self.held.on_connection(auth.alpn, names)

    @property
    def span(self) -> Span:
        """For how long peers, keys, grants and locks stay as they are, if nobody writes."""
        return super().span.within(self.index.span)

    def keep_time(self) -> None:
        """Bring all of it to what the clock says now, which may have been set; tell whoever subscribed."""
        super().keep_time()
        if not self.index.span.has(time.time()):
            self.publish(self.index, frozenset())

    def subscribe(self, callback: Callable[[IndexSwap], None]) -> None:
        """Call `callback` on the loop after every later swap. It must not block and must not raise."""
        self._subscribers.append(callback)

    def publish(
        self, index: PeerIndex, changed: frozenset[str] | None = None, committed_at: float | None = None
    ) -> None:
        """Make `index` current as it is at this moment, then tell the subscribers."""
        old, now = self.index, time.time()
        self.index = index.at(now)
        if changed is not None:
            changed |= index.differing(self.index)
        swap = IndexSwap(old, self.index, changed, committed_at, now, self.held)
        for callback in self._subscribers:
            callback(swap)
        if self.index.span != old.span:
            self._rearm()
