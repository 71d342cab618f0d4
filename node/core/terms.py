"""Terms: up to when a peer may connect, or one of its keys may prove it (docs/adr/0042).

Pure rules, on immutable values: the same rows at the same moment always give the same. Once its end has come, a peer is
as if it were disabled, and a key as if its peer did not have it.
"""

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from node.core.errors import InvalidFields
from node.core.sharded import ShardedMap
from node.core.span import Span

WHOLE_PEER = ""
"""Stands for a fingerprint in a term of the peer as such, its token included."""


class InvalidTerm(InvalidFields):
    """A term of which nobody can tell whom it is about."""


@dataclass(frozen=True, slots=True)
class Term:
    """The end of one peer, or of one key of one peer: with another peer the key is not concerned.

    `expires_at` is in unix seconds. `term_id` names the row; several rows about the same count each for itself, so that
    the earliest end is the one that bites.
    """

    term_id: str
    peer_id: str
    fingerprint: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class Terms:
    """Every term by its id, and which of them are over at one moment.

    `ends` has all ends in their order, each with its term's id; the first `over` of them have come. `peers` are those
    that are over, `keys` the (peer_id, fingerprint) that are.
    """

    terms: ShardedMap[Term] = field(default_factory=ShardedMap)
    ends: tuple[tuple[float, str], ...] = ()
    over: int = 0
    peers: frozenset[str] = frozenset()
    keys: frozenset[tuple[str, str]] = frozenset()

    @property
    def span(self) -> Span:
        """The stretch of time around the moment of this value in which the same is over."""
        begin = self.ends[self.over - 1][0] if self.over else -math.inf
        return Span(begin, self.ends[self.over][0] if self.over < len(self.ends) else math.inf)

    def at(self, now: float) -> "Terms":
        """The same terms at another moment, in unix seconds."""
        return self if self.span.has(now) else self._judged(now)

    def patched(self, changes: Mapping[str, Term | None], now: float) -> "Terms":
        """A copy with these terms changed, at this moment; None removes one. Others cost next to nothing."""
        if not changes:
            return self
        ends = list(self.ends)
        for term_id, new in changes.items():
            old = self.terms.get(term_id)
            if old is not None:
                del ends[bisect_left(ends, (old.expires_at, term_id))]
            if new is not None:
                insort(ends, (new.expires_at, term_id))
        return replace(self, terms=self.terms.patched(changes), ends=tuple(ends))._judged(now)

    def concerned(self, term_ids: Iterable[str]) -> set[str]:
        """The names of the peers that these terms are about."""
        return {term.peer_id for name in term_ids if (term := self.terms.get(name)) is not None}

    def differing(self, other: "Terms") -> set[str]:
        """The names of the peers of which something is over in one of these and not in the other."""
        return set(self.peers ^ other.peers).union(peer_id for peer_id, _ in self.keys ^ other.keys)

    def _judged(self, now: float) -> "Terms":
        over = bisect_right(self.ends, now, key=lambda end: end[0])
        ended = [self.terms[name] for _, name in self.ends[:over]]
        return replace(
            self,
            over=over,
            peers=frozenset(term.peer_id for term in ended if term.fingerprint == WHOLE_PEER),
            keys=frozenset((term.peer_id, term.fingerprint) for term in ended if term.fingerprint != WHOLE_PEER),
        )


def build_terms(terms: Iterable[Term], now: float) -> Terms:
    """These terms, at this moment. Of one id the last one counts."""
    found = {term.term_id: term for term in terms}
    ends = tuple(sorted((term.expires_at, name) for name, term in found.items()))
    return replace(Terms(), terms=ShardedMap[Term]().patched(found), ends=ends)._judged(now)


def term_id(peer_id: str, fingerprint: str = WHOLE_PEER) -> str:
    """The key of the row: one for each peer, and one for each key of a peer."""
    return f"{fingerprint} {peer_id}"
