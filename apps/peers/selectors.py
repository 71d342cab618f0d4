"""Reading peers and API keys."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from django.db import connection
from django.db.models import F, Func, IntegerField, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Cast, StrIndex

from apps.absent import all_of
from apps.peers.errors import Absent
from apps.peers.models import ApiKey, Peer, PeerNote, PeerTerm
from apps.peers.search import matching, with_scope, with_scope_text
from apps.peers.terms import NO_TERMS, PeerState, PeerTerms
from node.core.peers import ApiKeyEntry, PeerEntry
from node.core.terms import WHOLE_PEER, Term

_FEW = 500
"""Names that one SQL statement takes; of more, the whole tables are read."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there is to see."""

    peers_enabled: int
    peers_disabled: int
    api_keys: int

    @property
    def peers(self) -> int:
        return self.peers_enabled + self.peers_disabled


def get_peer(peer_id: str) -> PeerEntry:
    """Raises Absent."""
    return get_peers([peer_id])[0]


def get_peers(peer_ids: Iterable[str]) -> list[PeerEntry]:
    """All of these, in the order given. Raises Absent if one is."""
    found = all_of(peer_ids, Peer.objects.in_bulk, lambda name: Absent("peer", name))
    return [row.entry() for row in found.values()]


def find_peer(peer_id: str) -> PeerEntry | None:
    row = Peer.objects.filter(pk=peer_id).first()
    return row.entry() if row else None


def find_peers(peer_ids: Iterable[str]) -> list[PeerEntry]:
    """Those of these that there are."""
    return [row.entry() for row in Peer.objects.in_bulk(set(peer_ids)).values()]


def get_state(peer_id: str) -> PeerState:
    """A peer with what stands beside it. Raises Absent."""
    return get_states([peer_id])[0]


def find_state(peer_id: str) -> PeerState | None:
    entry = find_peer(peer_id)
    return PeerState(entry, terms_of([peer_id])[peer_id]) if entry else None


def get_states(peer_ids: Iterable[str]) -> list[PeerState]:
    """All of these, in the order given. Raises Absent if one is."""
    return with_terms(get_peers(peer_ids))


def with_terms(entries: Iterable[PeerEntry]) -> list[PeerState]:
    """These peers with what stands beside each."""
    entries = list(entries)
    found = terms_of([entry.peer_id for entry in entries])
    return [PeerState(entry, found[entry.peer_id]) for entry in entries]


def state_held(peer: Peer) -> PeerState:
    """A row as it is held, with what stands beside it; that is asked once for as long as the row is held."""
    if not hasattr(peer, "terms_held"):
        peer.terms_held = terms_of([peer.pk])[peer.pk]  # type: ignore[attr-defined] # kept on the row, no column of it
    return PeerState(peer.entry(), peer.terms_held)  # type: ignore[attr-defined]


def terms_of(peer_ids: Iterable[str]) -> dict[str, PeerTerms]:
    """What stands beside each of these names, whether or not there is such a peer."""
    names = list(peer_ids)
    few = len(names) <= _FEW
    terms, notes = PeerTerm.objects.all(), PeerNote.objects.all()
    if few:
        terms, notes = terms.filter(peer_id__in=names), notes.filter(pk__in=names)
    texts = dict(notes.values_list("pk", "text"))
    ends: dict[str, dict[str, float]] = {}
    for peer_id, fingerprint, end in terms.values_list("peer_id", "fingerprint", "expires_at"):
        ends.setdefault(peer_id, {})[fingerprint] = end
    return {name: _terms(ends.get(name), texts.get(name, "")) for name in names}


def list_terms(peer_ids: Sequence[str] | None = None) -> list[Term]:
    """Every end, or those of these few peers, as the node reads them."""
    rows = PeerTerm.objects.all() if peer_ids is None else PeerTerm.objects.filter(peer_id__in=peer_ids)
    return [Term(row.pk, row.peer_id, row.fingerprint, row.expires_at) for row in rows]


def _terms(ends: Mapping[str, float] | None, notes: str) -> PeerTerms:
    if not ends:
        return PeerTerms(notes=notes) if notes else NO_TERMS
    keys = {name: end for name, end in ends.items() if name != WHOLE_PEER}
    return PeerTerms(ends.get(WHOLE_PEER), keys, notes)


def existing(peer_ids: Iterable[str]) -> set[str]:
    """Those of these names that peers have."""
    names = set(peer_ids)
    return set(Peer.objects.filter(pk__in=names).values_list("pk", flat=True)) if names else set()


def list_peers(*, search: str = "", enabled: bool | None = None) -> list[PeerEntry]:
    """Peers by name; `search` is a key in any spelling, or part of names, display names, keys and scopes."""
    return [row.entry() for row in _peer_rows(search, enabled=enabled)]


def list_states() -> list[PeerState]:
    """All peers by name, with what stands beside each."""
    return with_terms(list_peers())


def mark_of_peers() -> bytes:
    """32 bytes that are others once a peer, or what stands beside one, has been changed, by whomever."""
    digest = hashlib.sha256()
    with connection.cursor() as cursor:
        for table in (model._meta.db_table for model in (Peer, PeerTerm, PeerNote)):
            cursor.execute(f"SELECT * FROM {table} ORDER BY rowid")  # noqa: S608 - a constant
            while rows := cursor.fetchmany(_FEW):
                digest.update(repr(rows).encode())
    return digest.digest()


def page_of_peers(
    *, search: str = "", enabled: bool | None = None, scope: str | None = None, after: str | None = None, limit: int
) -> list[PeerEntry]:
    """A part of the same list: those whose names come after `after`. With `scope`, those that have just this one."""
    rows = _peer_rows(search, enabled=enabled)
    if scope is not None:
        rows = with_scope(rows, scope)
    if after is not None:
        rows = rows.filter(pk__gt=after)
    return [row.entry() for row in rows[:limit]]


def names_with_scope(scope: str) -> Iterator[str]:
    """The names of those that have just this scope."""
    yield from with_scope(Peer.objects.all(), scope).values_list("pk", flat=True).iterator()


def scopes_with(text: str) -> set[str]:
    """The scopes of peers in which this text stands."""
    rows = with_scope_text(Peer.objects.all(), text).values_list("scopes", flat=True).iterator()
    return {scope for scopes in rows if isinstance(scopes, list) for scope in scopes if text in str(scope)}


def _peer_rows(search: str, *, enabled: bool | None) -> QuerySet[Peer]:
    rows = matching(Peer.objects.all(), search)
    if enabled is not None:
        rows = rows.filter(enabled=enabled)
    return rows


def fingerprint_holders(fingerprints: Iterable[str], *, besides: str) -> dict[str, str]:
    """Which of these keys another peer holds, and who: {fingerprint: peer_id}.

    A plain text search finds the rows, since a fingerprint is plain text in their JSON; one pass over the table.
    """
    wanted = set(fingerprints)
    held = [entry for entry in peers_with_keys(wanted) if entry.peer_id != besides]
    return {name: entry.peer_id for entry in held for name in entry.fingerprints if name in wanted}


def peers_with_keys(fingerprints: Iterable[str]) -> list[PeerEntry]:
    """Every peer that has one of these keys, disabled ones too, by name; one pass over the table, as it lies there.

    By an index of names the same pass takes ten times as long, so the few that are found are sorted here.
    """
    wanted = set(fingerprints)
    if not wanted:
        return []
    text = Cast("fingerprints", TextField())
    found = {f"found_{n}": StrIndex(text, Value(name)) for n, name in enumerate(sorted(wanted))}
    rows = Peer.objects.alias(**found).filter(reduce(or_, (Q(**{f"{name}__gt": 0}) for name in found))).order_by()
    entries = sorted((row.entry() for row in rows), key=lambda entry: entry.peer_id)
    return [entry for entry in entries if wanted.intersection(entry.fingerprints)]


def find_api_keys(prefixes: Iterable[str]) -> list[ApiKeyEntry]:
    """Those of these API keys that there are."""
    return [row.entry() for row in ApiKey.objects.in_bulk(set(prefixes)).values()]


def token_holder(token_hash: str, *, besides: str) -> str | None:
    """The other peer that has this token, if one has."""
    return Peer.objects.filter(auth_token_hash=token_hash).exclude(pk=besides).values_list("pk", flat=True).first()


def list_api_keys() -> list[ApiKeyEntry]:
    return [row.entry() for row in ApiKey.objects.all()]


def page_of_api_keys(*, after: str | None = None, limit: int) -> list[ApiKeyEntry]:
    """A part of the same list: those whose prefixes come after `after`."""
    rows = ApiKey.objects.all() if after is None else ApiKey.objects.filter(pk__gt=after)
    return [row.entry() for row in rows[:limit]]


def get_api_keys(prefixes: Iterable[str]) -> list[ApiKeyEntry]:
    """All of these, in the order given. Raises Absent if one is."""
    found = all_of(prefixes, ApiKey.objects.in_bulk, lambda prefix: Absent("API key", prefix))
    return [row.entry() for row in found.values()]


def counts() -> Counts:
    peers, enabled = Peer.objects.count(), Peer.objects.filter(enabled=True).count()
    return Counts(enabled, peers - enabled, ApiKey.objects.count())


def with_counts(rows: QuerySet[Peer]) -> QuerySet[Peer]:
    """The same rows with `key_count`, `scope_count` and `ends_at`, to show and to sort by."""
    end = PeerTerm.objects.filter(peer_id=OuterRef("pk"), fingerprint=WHOLE_PEER).values("expires_at")[:1]
    return rows.annotate(key_count=_length("fingerprints"), scope_count=_length("scopes"), ends_at=Subquery(end))


def _length(column: str) -> Func:
    return Func(F(column), function="json_array_length", output_field=IntegerField())
