"""What stands beside a peer's row: its end, the ends of its keys, and what administrators note about it.

In a draft (apps.peers.drafts) these are `expires_at`, `key_expires_at` and `notes`. A draft that leaves one out leaves
it as it is, also where it is the whole of a peer otherwise: nothing lives longer because a program does not know of it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from apps.peers.drafts import Draft, draft_of, entry_from
from node.core.fingerprint import KeyFormatError, parse_key
from node.core.peers import CONTROL, InvalidPeer, PeerEntry, check_end
from node.core.terms import WHOLE_PEER, Term, term_id

MAX_NOTES = 4_000
"""Longest notes about a peer, in characters."""
_BETWEEN_LINES = str.maketrans("", "", "\r\n\t")
FIELDS = ("expires_at", "key_expires_at", "notes")


@dataclass(frozen=True, slots=True)
class PeerTerms:
    """Ends in unix seconds; None and absent keys have none. A past end is over, and stays to be seen."""

    expires_at: float | None = None
    key_expires_at: Mapping[str, float] = field(default_factory=dict)
    """Of keys of the peer, by fingerprint."""
    notes: str = ""

    def kept_to(self, fingerprints: tuple[str, ...]) -> "PeerTerms":
        """Without the ends of other keys than these: a key that comes back later begins anew."""
        kept = {name: end for name, end in self.key_expires_at.items() if name in fingerprints}
        return self if len(kept) == len(self.key_expires_at) else replace(self, key_expires_at=kept)


NO_TERMS = PeerTerms()


@dataclass(frozen=True, slots=True)
class PeerState:
    """A peer with what stands beside its row."""

    entry: PeerEntry
    terms: PeerTerms = NO_TERMS

    @property
    def peer_id(self) -> str:
        return self.entry.peer_id

    def draft(self) -> dict[str, Any]:
        """The draft that gives this state again."""
        return draft_of(self.entry) | asdict(self.terms.kept_to(self.entry.fingerprints))


def ends_of(state: PeerState) -> Iterator[Term]:
    """The ends of a peer and of its keys, as the node reads them."""
    whole = {} if state.terms.expires_at is None else {WHOLE_PEER: state.terms.expires_at}
    for fingerprint, end in {**whole, **state.terms.key_expires_at}.items():
        yield Term(term_id(state.peer_id, fingerprint), state.peer_id, fingerprint, end)


def state_from(draft: Draft, old: PeerTerms = NO_TERMS) -> PeerState:
    """The state that a draft describes. Raises InvalidPeer with the draft's own field names."""
    errors: dict[str, list[str]] = {}
    entry: PeerEntry | None = None
    try:
        entry = entry_from({name: value for name, value in draft.items() if name not in FIELDS})
    except InvalidPeer as error:
        errors |= error.errors
    given = {name: draft[name] for name in FIELDS if name in draft}
    if wrong := check_end(given.get("expires_at")):
        errors["expires_at"] = wrong
    if wrong := _check_notes(given.get("notes")):
        errors["notes"] = wrong
    keys, wrong = _key_ends(given["key_expires_at"]) if "key_expires_at" in given else (old.key_expires_at, [])
    if "key_expires_at" in given and entry is not None and not keys.keys() <= set(entry.fingerprints):
        wrong = [*wrong, "An end is of a key that the peer has."]
    if wrong:
        errors["key_expires_at"] = wrong
    if errors or entry is None:
        raise InvalidPeer(errors)
    return PeerState(entry, _terms(old, given, keys).kept_to(entry.fingerprints))


def _terms(old: PeerTerms, given: Mapping[str, Any], keys: Mapping[str, float]) -> PeerTerms:
    end = given.get("expires_at", old.expires_at)
    notes = given.get("notes", old.notes) or ""
    return PeerTerms(None if end is None else float(end), keys, notes.replace("\r\n", "\n").strip())


def _key_ends(value: Any) -> tuple[Mapping[str, float], list[str]]:
    """The ends of keys by fingerprint, however each was spelt, and messages on what is wrong with them."""
    if value is None:
        return {}, []
    if not isinstance(value, Mapping):
        return {}, ["The ends of keys are a map from a key to unix seconds."]
    found: dict[str, float] = {}
    errors: list[str] = []
    for key, end in value.items():
        try:
            name = parse_key(key)
        except (KeyFormatError, TypeError, AttributeError) as error:
            errors.append(f"{error}.")
            continue
        errors += check_end(end)
        if end is not None and not errors:
            found[name] = float(end)
    return found, errors


def _check_notes(value: Any) -> list[str]:
    """Several lines of text."""
    if value is None:
        return []
    if not isinstance(value, str) or CONTROL.search(value.translate(_BETWEEN_LINES)):
        return ["Notes are text."]
    return [] if len(value) <= MAX_NOTES else [f"At most {MAX_NOTES} characters; this has {len(value)}."]
