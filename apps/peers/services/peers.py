"""Writes of the table `peers`."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.dispatch import Signal

from apps.audit.actors import Actor
from apps.audit.services import Change, record
from apps.peers import selectors
from apps.peers.drafts import Draft, draft_of, entry_from
from apps.peers.models import Peer
from apps.peers.services.batches import batches
from node.core.peers import InvalidPeer, PeerEntry
from node.core.tokens import hash_token, new_peer_token

OBJECT_TYPE = "peer"

peer_renamed = Signal()
"""Sent with `actor`, `old` and `new`, in the transaction that gives a peer another name."""
peer_added = Signal()
"""Sent with `actor` and `peer_id`, in the transaction that adds a peer: whoever had that name before was another."""


class PeerAction(StrEnum):
    """What the audit log says was done."""

    ADDED = "peer.added"
    CHANGED = "peer.changed"
    ENROLLED = "peer.enrolled"
    RENAMED = "peer.renamed"
    ENABLED = "peer.enabled"
    DISABLED = "peer.disabled"
    REMOVED = "peer.removed"
    TOKEN_ISSUED = "peer.token_issued"  # noqa: S105 - the name of an action
    TOKEN_CLEARED = "peer.token_cleared"  # noqa: S105 - the name of an action


def put_peer(*, actor: Actor, draft: Draft) -> PeerEntry:
    """Add the peer, or replace the whole entry of that name."""
    with transaction.atomic():
        entry = entry_from(draft)
        old = selectors.find_peer(entry.peer_id)
        _refuse_duplicates(old, entry)
        return _write(actor, old, entry)


def create_peer(*, actor: Actor, draft: Draft) -> PeerEntry:
    """Add a peer whose name is free."""
    with transaction.atomic():
        return _write(actor, None, plan_create(draft))


def enrol_peer(*, actor: Actor, draft: Draft, through: Mapping[str, Any]) -> PeerEntry:
    """Add a peer whose name is free; the audit row tells what it came `through`. Inside the caller's transaction."""
    entry = plan_create(draft)
    Peer.objects.create(**columns_of(entry))
    facts = {**facts_of(entry), "through": dict(through)}
    record(actor=actor, changes=[Change(PeerAction.ENROLLED, OBJECT_TYPE, entry.peer_id, after=facts)])
    peer_added.send(sender=Peer, actor=actor, peer_id=entry.peer_id)
    return entry


def update_peer(*, actor: Actor, peer_id: str, changes: Draft) -> PeerEntry:
    """Change some fields of a peer; another `peer_id` renames it, refused where that name is taken (decision 8)."""
    with transaction.atomic():
        return _write(actor, selectors.get_peer(peer_id), plan_update(peer_id, changes))


def set_peers_enabled(*, actor: Actor, peer_ids: Iterable[str], enabled: bool) -> int:
    """Enable or disable all of these peers or, if one is absent, none. Returns how many changed."""
    with transaction.atomic():
        changed = [entry for entry in selectors.get_peers(peer_ids) if entry.enabled is not enabled]
        for batch in batches([entry.peer_id for entry in changed]):
            Peer.objects.filter(pk__in=batch).update(enabled=enabled)
        record(actor=actor, changes=[change_of(entry, replace(entry, enabled=enabled)) for entry in changed])
        return len(changed)


def remove_peers(*, actor: Actor, peer_ids: Iterable[str]) -> int:
    """Remove all of these peers or, if one is absent, none. Returns how many went."""
    with transaction.atomic():
        gone = selectors.get_peers(peer_ids)
        for batch in batches([entry.peer_id for entry in gone]):
            Peer.objects.filter(pk__in=batch).delete()
        changes = [Change(PeerAction.REMOVED, OBJECT_TYPE, entry.peer_id, before=facts_of(entry)) for entry in gone]
        record(actor=actor, changes=changes)
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
    entry = entry_from(draft)
    _refuse_taken(entry.peer_id)
    _refuse_duplicates(None, entry)
    return entry


def plan_update(peer_id: str, changes: Draft) -> PeerEntry:
    """What `update_peer` would store."""
    old = selectors.get_peer(peer_id)
    entry = entry_from(draft_of(old) | dict(changes))
    if entry.peer_id != peer_id:
        _refuse_taken(entry.peer_id)
    _refuse_duplicates(old, entry)
    return entry


def _set_token(actor: Actor, peer_id: str, token_hash: str | None, action: PeerAction) -> None:
    with transaction.atomic():
        old = selectors.get_peer(peer_id)
        _write(actor, old, replace(old, auth_token_hash=token_hash), action)


def _refuse_taken(peer_id: str) -> None:
    if selectors.find_peer(peer_id) is not None:
        raise InvalidPeer({"peer_id": [f"There is a peer “{peer_id}” already."]})


def _refuse_duplicates(old: PeerEntry | None, new: PeerEntry) -> None:
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


def _write(actor: Actor, old: PeerEntry | None, new: PeerEntry, action: PeerAction | None = None) -> PeerEntry:
    """Store `new` in place of `old`, and say so in the audit log. Inside the caller's transaction."""
    if old is None:
        Peer.objects.create(**columns_of(new))
    elif old != new:
        Peer.objects.filter(pk=old.peer_id).update(**columns_of(new))
    if old != new:
        record(actor=actor, changes=_changes(old, new, action))
    if old is None:
        peer_added.send(sender=Peer, actor=actor, peer_id=new.peer_id)
    elif old.peer_id != new.peer_id:
        peer_renamed.send(sender=Peer, actor=actor, old=old.peer_id, new=new.peer_id)
    return new


def _changes(old: PeerEntry | None, new: PeerEntry, action: PeerAction | None) -> list[Change]:
    """One row or, of a rename, one under each name: the new one's first, which is where its history begins."""
    change = change_of(old, new, action)
    if old is None or old.peer_id == new.peer_id:
        return [change]
    return [change, replace(change, object_id=old.peer_id)]


def change_of(old: PeerEntry | None, new: PeerEntry, action: PeerAction | None = None) -> Change:
    """What the audit log says of one peer; the narrowest name for it where no `action` is given."""
    before = facts_of(old) if old else None
    return Change(action or _action(old, new), OBJECT_TYPE, new.peer_id, before, facts_of(new))


def columns_of(entry: PeerEntry) -> dict[str, Any]:
    """An entry as the table has it."""
    columns = draft_of(entry)
    columns["fingerprints"] = columns.pop("keys")
    return columns


def _action(old: PeerEntry | None, new: PeerEntry) -> PeerAction:
    """The narrowest name for what happened."""
    if old is None:
        return PeerAction.ADDED
    if old.peer_id != new.peer_id:
        return PeerAction.RENAMED
    if replace(old, enabled=new.enabled) == new:
        return PeerAction.ENABLED if new.enabled else PeerAction.DISABLED
    return PeerAction.CHANGED


def facts_of(entry: PeerEntry) -> dict[str, Any]:
    """An entry for the audit log: all of it, but of the token only whether there is one."""
    facts = columns_of(entry)
    facts["token"] = "set" if facts.pop("auth_token_hash") else None
    return facts
