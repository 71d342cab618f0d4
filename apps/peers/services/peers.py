"""Writes of the table `peers`."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.dispatch import Signal

from apps.audit.actors import Actor
from apps.audit.services import Change, record
from apps.peers import selectors
from apps.peers.drafts import Draft, draft_of
from apps.peers.models import Peer
from apps.peers.services.batches import Tell, batches_told, untold
from apps.peers.services.side_rows import forget, store_beside
from apps.peers.terms import NO_TERMS, PeerState, PeerTerms, state_from
from node.core.peers import InvalidPeer, PeerEntry
from node.core.tokens import hash_token, new_peer_token

OBJECT_TYPE = "peer"

peer_renamed = Signal()
"""Sent with `actor`, `old` and `new`, in the transaction that gives a peer another name."""
peers_added = Signal()
"""Sent with `actor` and `entries`, in the transaction that adds these peers.

Whoever had such a name before was another.
"""
peers_removed = Signal()
"""Sent with `actor` and `peer_ids`, in the transaction that removes these peers."""


class PeerAction(StrEnum):
    """What the audit log says was done."""

    ADDED = "peer.added"
    CHANGED = "peer.changed"
    ENROLLED = "peer.enrolled"
    RENAMED = "peer.renamed"
    ENABLED = "peer.enabled"
    DISABLED = "peer.disabled"
    REMOVED = "peer.removed"
    EXPIRY_SET = "peer.expiry_set"
    KEY_EXPIRY_SET = "peer.key_expiry_set"
    KEY_ROTATED = "peer.key_rotated"
    NOTED = "peer.noted"
    TOKEN_ISSUED = "peer.token_issued"  # noqa: S105 - the name of an action
    TOKEN_CLEARED = "peer.token_cleared"  # noqa: S105 - the name of an action


def put_peer(*, actor: Actor, draft: Draft) -> PeerEntry:
    """Add the peer, or replace the whole entry of that name."""
    with transaction.atomic():
        name = draft.get("peer_id")
        old = selectors.find_state(name) if isinstance(name, str) else None
        return replace_peer(actor=actor, old=old, draft=draft).entry


def replace_peer(*, actor: Actor, old: PeerState | None, draft: Draft) -> PeerState:
    """The same for a caller who has read the state, in the transaction that is open and is the caller's to end."""
    new = state_from(draft, old.terms if old else NO_TERMS)
    check_duplicates(old.entry if old else None, new.entry)
    return write_peer(actor, old, new)


def create_peer(*, actor: Actor, draft: Draft) -> PeerEntry:
    """Add a peer whose name is free."""
    with transaction.atomic():
        return write_peer(actor, None, _plan_create(draft)).entry


def enrol_peer(*, actor: Actor, draft: Draft, through: Mapping[str, Any]) -> PeerEntry:
    """Add a peer whose name is free; the audit row tells what it came `through`. Inside the caller's transaction."""
    state = _plan_create(draft)
    facts = {**facts_of(state.entry, state.terms), "through": dict(through)}
    return _add(actor, state, Change(PeerAction.ENROLLED, OBJECT_TYPE, state.peer_id, after=facts)).entry


def update_peer(*, actor: Actor, peer_id: str, changes: Draft) -> PeerEntry:
    """Change some fields of a peer; another `peer_id` renames it, refused where that name is taken (decision 8)."""
    with transaction.atomic():
        return change_peer(actor=actor, old=selectors.get_state(peer_id), changes=changes).entry


def change_peer(*, actor: Actor, old: PeerState, changes: Draft) -> PeerState:
    """The same for a caller who has read the state, in the transaction that is open and is the caller's to end."""
    return write_peer(actor, old, _plan_update(old, changes))


def set_peers_enabled(*, actor: Actor, peer_ids: Iterable[str], enabled: bool, tell: Tell = untold) -> int:
    """Enable or disable all of these peers or, if one is absent, none. Returns how many changed."""
    with transaction.atomic():
        changed = [state for state in selectors.get_states(peer_ids) if state.entry.enabled is not enabled]
        for batch in batches_told([state.peer_id for state in changed], tell, "writing peers"):
            Peer.objects.filter(pk__in=batch).update(enabled=enabled)
        record(actor=actor, changes=[_switched(state) for state in changed])
        return len(changed)


def remove_peers(*, actor: Actor, peer_ids: Iterable[str], tell: Tell = untold) -> int:
    """Remove all of these peers or, if one is absent, none. Returns how many went."""
    with transaction.atomic():
        gone = selectors.get_states(peer_ids)
        names = [state.peer_id for state in gone]
        for batch in batches_told(names, tell, "removing peers"):
            Peer.objects.filter(pk__in=batch).delete()
        forget(names)
        changes = [
            Change(PeerAction.REMOVED, OBJECT_TYPE, state.peer_id, before=facts_of(state.entry, state.terms))
            for state in gone
        ]
        record(actor=actor, changes=changes)
        peers_removed.send(sender=Peer, actor=actor, peer_ids=names)
        return len(gone)


def issue_peer_token(*, actor: Actor, peer_id: str) -> str:
    """Give the peer a fresh token in place of any it had. Only its hash is stored: this is the one time it is seen."""
    token = new_peer_token()
    _set_token(actor, peer_id, hash_token(token), PeerAction.TOKEN_ISSUED)
    return token


def clear_peer_token(*, actor: Actor, peer_id: str) -> None:
    """Take the peer's token away; its keys stay."""
    _set_token(actor, peer_id, None, PeerAction.TOKEN_CLEARED)


def plan_create(draft: Draft) -> PeerEntry:
    """What `create_peer` would store. For forms, which show what is wrong before anything is written."""
    return _plan_create(draft).entry


def plan_update(peer_id: str, changes: Draft) -> PeerState:
    """What `update_peer` would store."""
    return _plan_update(selectors.get_state(peer_id), changes)


def _plan_create(draft: Draft) -> PeerState:
    state = state_from(draft)
    _refuse_taken(state.peer_id)
    check_duplicates(None, state.entry)
    return state


def _plan_update(old: PeerState, changes: Draft) -> PeerState:
    state = state_from(draft_of(old.entry) | dict(changes), old.terms)
    if state.peer_id != old.peer_id:
        _refuse_taken(state.peer_id)
    check_duplicates(old.entry, state.entry)
    return state


def _switched(old: PeerState) -> Change:
    """Of a peer that is the other way now."""
    return change_of(old.entry, replace(old.entry, enabled=not old.entry.enabled), None, old.terms, old.terms)


def _set_token(actor: Actor, peer_id: str, token_hash: str | None, action: PeerAction) -> None:
    with transaction.atomic():
        old = selectors.get_state(peer_id)
        write_peer(actor, old, replace(old, entry=replace(old.entry, auth_token_hash=token_hash)), action)


def _refuse_taken(peer_id: str) -> None:
    if selectors.find_peer(peer_id) is not None:
        raise InvalidPeer({"peer_id": [f"There is a peer “{peer_id}” already."]})


def check_duplicates(old: PeerEntry | None, new: PeerEntry) -> None:
    """A key or a token names one peer only (decision 7). What the peer already had is not searched for again."""
    errors: dict[str, list[str]] = {}
    besides = old.peer_id if old else new.peer_id
    fresh = set(new.fingerprints).difference(old.fingerprints if old else ())
    if holders := selectors.fingerprint_holders(fresh, besides=besides):
        errors["keys"] = [f"The key {name} belongs to the peer “{peer_id}”." for name, peer_id in holders.items()]
    if new.auth_token_hash and (holder := selectors.token_holder(new.auth_token_hash, besides=besides)):
        errors["auth_token_hash"] = [f"This token belongs to the peer “{holder}”."]
    if errors:
        raise InvalidPeer(errors)


def write_peer(actor: Actor, old: PeerState | None, new: PeerState, action: PeerAction | None = None) -> PeerState:
    """Store `new` in place of `old`, and say so in the audit log. Inside the caller's transaction."""
    if old is None:
        return _add(actor, new, change_of(None, new.entry, action, terms=new.terms))
    if old.entry != new.entry:
        Peer.objects.filter(pk=old.peer_id).update(**columns_of(new.entry))
    if old != new:
        store_beside(old, new)
        record(actor=actor, changes=_changes(old, new, action))
    if old.peer_id != new.peer_id:
        peer_renamed.send(sender=Peer, actor=actor, old=old.peer_id, new=new.peer_id)
    return new


def _add(actor: Actor, state: PeerState, change: Change) -> PeerState:
    """Store a peer that was not there before, and say so by this row."""
    Peer.objects.create(**columns_of(state.entry))
    store_beside(None, state)
    record(actor=actor, changes=[change])
    peers_added.send(sender=Peer, actor=actor, entries=[state.entry])
    return state


def _changes(old: PeerState, new: PeerState, action: PeerAction | None) -> list[Change]:
    """One row or, of a rename, one under each name: the new one's first, which is where its history begins."""
    change = change_of(old.entry, new.entry, action, old.terms, new.terms)
    if old.peer_id == new.peer_id:
        return [change]
    return [change, replace(change, object_id=old.peer_id)]


def change_of(
    old: PeerEntry | None,
    new: PeerEntry,
    action: PeerAction | None = None,
    old_terms: PeerTerms = NO_TERMS,
    terms: PeerTerms = NO_TERMS,
) -> Change:
    """What the audit log says of one peer; the narrowest name for it where no `action` is given."""
    before = facts_of(old, old_terms) if old else None
    named = action or _action(old, new, old_terms, terms)
    return Change(named, OBJECT_TYPE, new.peer_id, before, facts_of(new, terms))


def columns_of(entry: PeerEntry) -> dict[str, Any]:
    """An entry as the table has it."""
    columns = draft_of(entry)
    columns["fingerprints"] = columns.pop("keys")
    return columns


def facts_of(entry: PeerEntry, terms: PeerTerms = NO_TERMS) -> dict[str, Any]:
    """A peer for the audit log: all of it, but of the token only whether there is one; no ends and notes unless set."""
    facts = columns_of(entry)
    facts["token"] = "set" if facts.pop("auth_token_hash") else None
    return facts | {name: value for name, value in asdict(terms).items() if value not in (None, {}, "")}


def _action(old: PeerEntry | None, new: PeerEntry, old_terms: PeerTerms, terms: PeerTerms) -> PeerAction:
    """The narrowest name for what happened."""
    if old is None:
        return PeerAction.ADDED
    if old.peer_id != new.peer_id:
        return PeerAction.RENAMED
    if old == new:
        return _beside(old_terms, terms)
    if replace(old, enabled=new.enabled) == new and old_terms == terms:
        return PeerAction.ENABLED if new.enabled else PeerAction.DISABLED
    return PeerAction.CHANGED


def _beside(old: PeerTerms, new: PeerTerms) -> PeerAction:
    if replace(old, expires_at=new.expires_at) == new:
        return PeerAction.EXPIRY_SET
    if replace(old, key_expires_at=new.key_expires_at) == new:
        return PeerAction.KEY_EXPIRY_SET
    return PeerAction.NOTED if replace(old, notes=new.notes) == new else PeerAction.CHANGED
