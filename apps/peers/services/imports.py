"""Many peers at once, out of a file: one transaction, one audit row for each peer that is not as it was."""

from collections.abc import Sequence

from django.db import transaction

from apps.audit.actors import Actor
from apps.audit.services import Change, record
from apps.peers import selectors
from apps.peers.models import Peer
from apps.peers.portable.plan import Plan, Step, added, make_plan
from apps.peers.portable.rows import Row
from apps.peers.services.batches import Tell, batches, untold
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
from apps.peers.terms import NO_TERMS

_COLUMNS = ("fingerprints", "scopes", "resources", "display_name", "enabled")


class PlanChanged(Exception):
    """What an import would do is not what was agreed to: somebody has changed the peers in between."""


def plan_import(*, rows: Sequence[Row], replace: bool) -> Plan:
    """What `import_peers` would do now. Raises ImportRefused."""
    return make_plan(rows, selectors.list_states(), replace=replace)


def import_peers(
    *, actor: Actor, rows: Sequence[Row], replace: bool, agreed: str | None = None, tell: Tell = untold
) -> Plan:
    """Add and change the peers that the rows name; with `replace`, remove all others. Returns what was done.

    Raises ImportRefused, and PlanChanged where the plan is not the one of the digest `agreed`.
    """
    with transaction.atomic():
        tell("comparing with the peers that there are", 0, 0)
        plan = plan_import(rows=rows, replace=replace)
        if agreed is not None and agreed != plan.digest:
            raise PlanChanged
        _write(plan, tell)
        tell("writing the list of changes", 0, 0)
        record(actor=actor, changes=map(_change, plan.steps))
        gone = [step.peer_id for step in plan.steps if step.new is None]
        peers_removed.send(sender=Peer, actor=actor, peer_ids=gone)
        peers_added.send(sender=Peer, actor=actor, entries=list(added(plan)))
        return plan


def _write(plan: Plan, tell: Tell) -> None:
    """What goes, goes first: a key or a token of it may be another's now."""
    gone = [step.peer_id for step in plan.steps if step.new is None]
    for batch in batches(gone):
        Peer.objects.filter(pk__in=batch).delete()
    forget([*gone, *(entry.peer_id for entry in added(plan))])
    store_all_beside([(step.old.terms if step.old else NO_TERMS, step.new) for step in plan.steps if step.new])
    entries, written = [step.new.entry for step in plan.steps if step.new], 0
    for some in batches(entries):
        tell("writing peers", written, len(entries))
        rows = [Peer(**columns_of(entry)) for entry in some]
        Peer.objects.bulk_create(rows, update_conflicts=True, unique_fields=["peer_id"], update_fields=_COLUMNS)
        written += len(some)


def _change(step: Step) -> Change:
    old, before = (step.old.entry, step.old.terms) if step.old else (None, NO_TERMS)
    if step.new is None:
        return Change(PeerAction.REMOVED, OBJECT_TYPE, step.peer_id, before=facts_of(old, before) if old else None)
    return change_of(old, step.new.entry, None, before, step.new.terms)
