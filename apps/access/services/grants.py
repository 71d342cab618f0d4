"""Giving a peer exactly what it lacks, for a while (docs/adr/0048). The node ends each grant itself: nobody writes."""

import time
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

from django.db import transaction

from apps.absent import all_of
from apps.access import selectors
from apps.access.assertions import broken
from apps.access.errors import Absent
from apps.access.models import Grant
from apps.audit.actors import Actor
from apps.audit.services import Change, record
from apps.audit.words import who_words
from apps.locks import selectors as locks
from apps.peers import selectors as peers
from apps.peers.services.batches import batches
from node.core.grants import InvalidGrant, with_grants
from node.core.locks import LockKind, check_reason
from node.core.peers import PeerEntry, check_end, check_resources, check_scopes

OBJECT_TYPE = "grant"
MAX_GRANT = 30 * 86_400.0
"""Longest time for which something is granted, in seconds. What is to last belongs to the peer's own entry."""
MAX_SCOPES = 20
"""Scopes of one grant."""
MAX_PER_PEER = 50
"""Grants that one peer may have in force, and rows that it has in all once it has got another."""
ENDED_KEPT = 30 * 86_400.0
"""How long an ended grant stays at least for people to see, in seconds, unless its peer has very many."""
_ANYTHING = "*"


class GrantAction(StrEnum):
    """What the audit log says was done."""

    GIVEN = "grant.given"
    REVOKED = "grant.revoked"
    FOLLOWED = "grant.followed"
    REMOVED = "grant.removed"
    CLEARED = "grant.cleared"


def plan_grant(
    *,
    peer_id: str,
    scopes: Sequence[str] = (),
    resource_type: str = "",
    resource: str = "",
    expires_at: float,
    reason: str = "",
) -> Grant:
    """What `grant_access` would store. Raises InvalidGrant, also where it would give nothing or break an assertion."""
    row = Grant(
        peer_id=peer_id,
        scopes=list(scopes),
        resource_type=resource_type,
        resource=resource,
        expires_at=expires_at,
        reason=reason,
    )
    errors = _wrong(row)
    entry = peers.find_peer(peer_id) if not errors.get("peer_id") else None
    if wrong := [] if errors.get("peer_id") else _unfit(peer_id, entry):
        errors["peer_id"] = wrong
    if not any(errors.values()) and entry is not None:
        errors = _useless(row, entry)
    if any(errors.values()):
        raise InvalidGrant({name: texts for name, texts in errors.items() if texts})
    return row


def grant_access(*, actor: Actor, **wish: Any) -> Grant:
    """It holds from now on up to its end. Takes what `plan_grant` does, and raises the same.

    What its peer had long ago goes at the same time, so that ended grants never pile up.
    """
    with transaction.atomic():
        row = plan_grant(**wish)
        row.created_by = who_words(actor.kind, actor.name)
        row.save(force_insert=True)
        record(actor=actor, changes=[_change(GrantAction.GIVEN, after=row)])
        _remove(actor, _outlived(row.peer_id), GrantAction.CLEARED)
        row.refresh_from_db()
        return row


def revoke_grants(*, actor: Actor, ids: Iterable[str]) -> int:
    """End all of these now or, if one is absent, none; one that is over is removed. How many went. Raises Absent."""
    with transaction.atomic():
        rows = all_of(ids, Grant.objects.in_bulk, lambda name: Absent(name, "grant"))
        return _remove(actor, list(rows.values()), GrantAction.REVOKED)


def follow_rename(*, actor: Actor, old: str, new: str, **_: Any) -> None:
    """In the transaction of the rename: what a peer was given stays its own; who had that name was another."""
    forget(actor=actor, peer_ids=[new])
    rows = list(Grant.objects.filter(peer_id=old))
    Grant.objects.filter(peer_id=old).update(peer_id=new)
    after = Grant.objects.in_bulk([row.pk for row in rows])
    if rows:
        record(actor=actor, changes=[_change(GrantAction.FOLLOWED, row, after[row.pk]) for row in rows])


def forget_added(*, actor: Actor, entries: Iterable[PeerEntry], **_: Any) -> None:
    """In the transaction that adds peers: each begins with nothing."""
    forget(actor=actor, peer_ids=[entry.peer_id for entry in entries])


def forget(*, actor: Actor, peer_ids: Iterable[str], **_: Any) -> None:
    """In the transaction that removes peers: nobody gets by a name what another was given."""
    names = set(peer_ids)
    if names:
        names &= set(Grant.objects.values_list("peer_id", flat=True).distinct())
    rows = [row for name in sorted(names) for row in Grant.objects.filter(peer_id=name)]
    _remove(actor, rows, GrantAction.REMOVED)


def _outlived(peer_id: str) -> list[Grant]:
    """The ended ones of a peer that have been over for long, or beside which the later ones fill its room."""
    room = MAX_PER_PEER - selectors.grants_in_force(peer_id).count()
    ended = selectors.ended_grants(peer_id).order_by("-expires_at", "pk")
    long_ago = time.time() - ENDED_KEPT
    return [row for place, row in enumerate(ended) if place >= room or row.expires_at <= long_ago]


def _remove(actor: Actor, rows: list[Grant], action: GrantAction) -> int:
    for names in batches([row.pk for row in rows]):
        Grant.objects.filter(pk__in=names).delete()
    if rows:
        record(actor=actor, changes=[_change(action, before=row) for row in rows])
    return len(rows)


def _wrong(row: Grant) -> dict[str, list[str]]:
    """What is wrong with a grant as such."""
    errors = {"scopes": check_scopes(row.scopes), "reason": check_reason(row.reason), "expires_at": _wrong_end(row)}
    if len(row.scopes) > MAX_SCOPES:
        errors["scopes"] = [f"At most {MAX_SCOPES} scopes; this has {len(row.scopes)}."]
    if bool(row.resource_type) is not bool(row.resource):
        which = "resource" if row.resource_type else "resource_type"
        errors[which] = ["A grant is for one resource: its kind and its name, such as repo and web."]
    elif row.resource_type:
        errors["resource"] = check_resources({row.resource_type: [row.resource]})
    if not row.scopes and not row.resource_type and not row.resource:
        errors["scopes"] = ["Which scopes, or which resource?"]
    for name, text in (*(("scopes", scope) for scope in row.scopes), ("resource", row.resource)):
        if not errors.get(name) and _ANYTHING in text:
            errors[name] = ["A grant names exactly what it gives: no *."]
    return errors


def _wrong_end(row: Grant) -> list[str]:
    if wrong := check_end(row.expires_at):
        return wrong
    left = row.expires_at - time.time()
    if left <= 0:
        return ["That time has passed."]
    return [] if left <= MAX_GRANT + 1 else [f"A grant lasts {MAX_GRANT / 86_400:.0f} days at most."]


def _unfit(peer_id: str, entry: PeerEntry | None) -> list[str]:
    """Why this one gets nothing by a grant, with what would help instead."""
    if entry is None:
        return [f"There is no peer “{peer_id}”: a grant is for a peer."]
    if not entry.enabled:
        return [f"The peer “{peer_id}” is disabled: enable it."]
    ends = [term for term in peers.list_terms([peer_id]) if not term.fingerprint and term.expires_at <= time.time()]
    if ends:
        return [f"The peer “{peer_id}” has expired: give it a later end."]
    if locks.locks_on(LockKind.PEER, peer_id):
        return [f"The peer “{peer_id}” is locked, which a grant does not change: unlock it."]
    if selectors.grants_in_force(peer_id).count() >= MAX_PER_PEER:
        return [f"The peer “{peer_id}” has {MAX_PER_PEER} grants: change its own scopes and resources."]
    return []


def _useless(row: Grant, entry: PeerEntry) -> dict[str, list[str]]:
    """Why a grant that is right as such is not given all the same."""
    given = row.core()
    if with_grants(entry.identity(), {row.peer_id: (given,)}) == entry.identity():
        return {"scopes": [f"The peer “{row.peer_id}” has this already, without an end."]}
    return {"scopes": broken([row.peer_id], {}, [given])}


def _change(action: GrantAction, before: Grant | None = None, after: Grant | None = None) -> Change:
    row = after or before
    facts = (None if one is None else _facts(one) for one in (before, after))
    return Change(action, OBJECT_TYPE, row.pk if row else "", *facts)


def _facts(row: Grant) -> dict[str, Any]:
    names = ("peer_id", "scopes", "resource_type", "resource", "expires_at", "reason", "created_by")
    return {name: getattr(row, name) for name in names} | {"sentence": str(row)}
