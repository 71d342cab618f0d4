"""What locks add to the list of peers: a filter, and an act on many."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import QuerySet

from alknet_site.form_errors import show_errors
from apps.locks import services
from apps.locks.closings import closings_of_peer_locks
from apps.locks.forms import FIELD_NAMES, TermsForm
from apps.locks.selectors import holding, locked_targets
from apps.peers.bulk import SHOWN, BulkAct
from apps.peers.closings import Closings
from apps.peers.listing import EitherFilter, offer
from apps.peers.services.batches import batches
from apps.peers.terms import PeerState
from node.core.locks import InvalidLock, LockKind
from node.core.peers import PeerEntry


class LockedFilter(EitherFilter):
    title = "lock"
    parameter_name = "locked"
    permission = "locks.view_lock"
    yes, no = ("yes", "Locked"), ("no", "Not locked")

    def split(self, rows: QuerySet[Any], *, wanted: bool) -> QuerySet[Any]:
        names = holding().filter(target_kind=LockKind.PEER).order_by().values("target")
        return rows.filter(pk__in=names) if wanted else rows.exclude(pk__in=names)


class ManyLocksForm(TermsForm):
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not self.errors:
            try:
                services.check_terms(**self.terms())
            except InvalidLock as error:
                show_errors(self, error, FIELD_NAMES)
        return cleaned


def _not_locked(entries: Sequence[PeerEntry], _: Any) -> Iterable[str]:
    names = [entry.peer_id for entry in entries]
    held = {name for batch in batches(names) for name in locked_targets(LockKind.PEER, batch)}
    return [name for name in names if name not in held]


def _closings(states: Sequence[PeerState], form: Any) -> Closings:
    message = form.cleaned_data.get("message", "") if form.is_bound and form.is_valid() else ""
    return closings_of_peer_locks([state.entry for state in states], message, limit=SHOWN)


LOCK = BulkAct(
    name="lock_selected",
    title="Lock",
    button="Lock",
    done="Locked",
    effect="Their connections close at once, and new ones are refused with the message, "
    "until they are unlocked or the lock ends.",
    same="locked already, and left as they are",
    permission="lock",
    changing=_not_locked,
    run=lambda actor, names, form, tell: services.lock_peers(actor=actor, peer_ids=names, tell=tell, **form.terms()),
    form=ManyLocksForm,
    closings=_closings,
    danger=True,
)
offer(LOCK, LockedFilter)
