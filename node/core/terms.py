"""Terms: up to when a peer may connect, or one of its keys may prove it (docs/adr/0042).

Pure rules, on immutable values: the same rows at the same moment always give the same. Once its end has come, a peer is
as if it were disabled, and a key as if its peer did not have it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from node.core.ends import Ends, ends_of
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

    `peers` are those that are over, `keys` the (peer_id, fingerprint) that are.
    """

    terms: ShardedMap[Term] = field(default_factory=ShardedMap)
    ends: Ends = field(default_factory=Ends)
    peers: frozenset[str] = frozenset()
    keys: frozenset[tuple[str, str]] = frozenset()

    @property
    def span(self) -> Span:
        """The stretch of time around the moment of this value in which the same is over."""
        return self.ends.span

    def at(self, now: float) -> "Terms":
        """The same terms at another moment, in unix seconds."""
        ends = self.ends.at(now)
        return self if ends is self.ends else _judged(self.terms, ends)

    def patched(self, changes: Mapping[str, Term | None], now: float) -> "Terms":
        """A copy with these terms changed, at this moment; None removes one. Others cost next to nothing."""
        if not changes:
            return self
        return _judged(self.terms.patched(changes), self.ends.patched(self.terms, changes, now))

    def concerned(self, term_ids: Iterable[str]) -> set[str]:
        """The names of the peers that these terms are about."""
        return {term.peer_id for name in term_ids if (term := self.terms.get(name)) is not None}

    def differing(self, other: "Terms") -> set[str]:
        """The names of the peers of which something is over in one of these and not in the other."""
        return set(self.peers ^ other.peers).union(peer_id for peer_id, _ in self.keys ^ other.keys)


def _judged(terms: ShardedMap[Term], ends: Ends) -> Terms:
    ended = [terms[name] for name in ends.come]
    return Terms(
        terms,
        ends,
        peers=frozenset(term.peer_id for term in ended if term.fingerprint == WHOLE_PEER),
        keys=frozenset((term.peer_id, term.fingerprint) for term in ended if term.fingerprint != WHOLE_PEER),
    )


def build_terms(terms: Iterable[Term], now: float) -> Terms:
    """These terms, at this moment. Of one id the last one counts."""
    found = {term.term_id: term for term in terms}
    return _judged(ShardedMap[Term]().patched(found), ends_of(found, now))


def term_id(peer_id: str, fingerprint: str = WHOLE_PEER) -> str:
    """The key of the row: one for each peer, and one for each key of a peer."""
    return f"{fingerprint} {peer_id}"
