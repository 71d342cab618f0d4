"""Many peers at once, out of a file: one transaction, one audit row for each peer that is not as it was."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from apps.audit.actors import Actor
from apps.audit.services import Change, record, worded
from apps.peers import selectors
from apps.peers.models import Peer
from apps.peers.portable.plan import Plan, Step, added, make_plan
from apps.peers.portable.rows import Row
from apps.peers.services.batches import Tell, batches_told, untold
from apps.peers.services.peers import (
    OBJECT_TYPE,
    PeerAction,
    change_of,
    columns_of,
    facts_of,
    peers_added,
    peers_removed,
)
from apps.peers.services.side_rows import forget, store_all_beside
from apps.peers.terms import NO_TERMS, PeerState, PeerTerms
from node.core.peers import PeerEntry

_COLUMNS = ("fingerprints", "scopes", "resources", "display_name", "enabled")


class PlanChanged(Exception):
    """What an import would do is not what was agreed to: somebody has changed the peers in between."""


def plan_import(*, rows: Sequence[Row], replace: bool, tell: Tell = untold) -> Plan:
    """What `import_peers` would do now. Raises ImportRefused."""
    told = (row for some in batches_told(rows, tell, "comparing with the peers that there are") for row in some)
    return make_plan(told, selectors.list_states(), replace=replace)


def import_peers(
    *, actor: Actor, rows: Sequence[Row], replace: bool, agreed: str | None = None, tell: Tell = untold
) -> Plan:
    """Add and change the peers that the rows name; with `replace`, remove all others. Returns what was done.

    Raises ImportRefused, and PlanChanged where the plan is not the one of the digest `agreed`. All is judged before
    the transaction, so that others can write meanwhile; only where one of them did, it is judged again within.
    """
    mark = selectors.mark_of_peers()
    work = _worked_out(rows, tell, replace=replace, agreed=agreed)
    with transaction.atomic():
        if selectors.mark_of_peers() != mark:
            work = _worked_out(rows, tell, replace=replace, agreed=agreed)
        _write(work, tell)
        tell("writing the list of changes", 0, 0)
        record(actor=actor, changes=work.changes)
        peers_removed.send(sender=Peer, actor=actor, peer_ids=work.gone)
        peers_added.send(sender=Peer, actor=actor, entries=work.added)
        return work.plan


@dataclass(frozen=True, slots=True)
class _Work:
    """A plan with all that can be made of it beforehand."""

    plan: Plan
    gone: Sequence[str]
    added: Sequence[PeerEntry]
    rows: Sequence[Peer]
    beside: Sequence[tuple[PeerTerms, PeerState]]
    changes: Sequence[Change]


def _worked_out(rows: Sequence[Row], tell: Tell, *, replace: bool, agreed: str | None) -> _Work:
    plan = plan_import(rows=rows, replace=replace, tell=tell)
    if agreed is not None and agreed != plan.digest:
        raise PlanChanged
    kept = [(step, step.new) for step in plan.steps if step.new is not None]
    return _Work(
        plan,
        [step.peer_id for step in plan.steps if step.new is None],
        list(added(plan)),
        [Peer(**columns_of(new.entry)) for _, new in kept],
        [(step.old.terms if step.old else NO_TERMS, new) for step, new in kept],
        [worded(_change(step)) for step in plan.steps],
    )


def _write(work: _Work, tell: Tell) -> None:
    """What goes, goes first: a key or a token of it may be another's now."""
    for names in batches_told(work.gone, tell, "removing peers"):
        Peer.objects.filter(pk__in=names).delete()
    forget([*work.gone, *(entry.peer_id for entry in work.added)])
    store_all_beside(work.beside)
    for rows in batches_told(work.rows, tell, "writing peers"):
        Peer.objects.bulk_create(rows, update_conflicts=True, unique_fields=["peer_id"], update_fields=_COLUMNS)


def _change(step: Step) -> Change:
    old, before = (step.old.entry, step.old.terms) if step.old else (None, NO_TERMS)
    if step.new is None:
        return Change(PeerAction.REMOVED, OBJECT_TYPE, step.peer_id, before=facts_of(old, before) if old else None)
    return change_of(old, step.new.entry, None, before, step.new.terms)
