"""What is over goes by itself, so that no table grows for ever. The audit log keeps what was done."""

import time
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from apps.audit.actors import SYSTEM
from apps.audit.services import Change, record
from apps.enrolment.json_forms import claim_json
from apps.enrolment.models import Claim, Invite, Stranger
from apps.enrolment.services.admission import settle
from node.core.enrolment.index import ClaimState

DAY = 86_400.0
WAITS = 14 * DAY
"""Seconds after which a claim on which nobody has decided is declined."""
KEPT = 30 * DAY
"""Seconds that a decided claim is kept: so long its joiner may ask what became of it."""
INVITES_KEPT = 90 * DAY
"""Seconds that an invitation is kept once its time is over."""
UNSEEN = 90 * DAY
"""Seconds after which a key that did not come again is forgotten."""
PAGE = 200


def tidy(now: float | None = None) -> None:
    """A little of everything; call it now and then."""
    now = time.time() if now is None else now
    _give_up(now)
    decided = Q(state__in=[ClaimState.ADMITTED.value, ClaimState.REFUSED.value])
    _remove(Claim, Claim.objects.filter(decided, at__lt=now - KEPT))
    waiting = Claim.objects.filter(state=ClaimState.QUEUED.value).values("invite_id")
    _remove(Invite, Invite.objects.filter(expires_at__lt=now - INVITES_KEPT).exclude(pk__in=waiting))
    _remove(Stranger, Stranger.objects.filter(last_seen__lt=now - UNSEEN).exclude(hidden_until__gt=now))


def _give_up(now: float) -> None:
    with transaction.atomic():
        for claim in Claim.objects.filter(state=ClaimState.QUEUED.value, at__lt=now - WAITS)[:PAGE]:
            before = claim_json(claim)
            settle(claim, SYSTEM, ClaimState.REFUSED, why="Nobody has decided in time.")
            record(actor=SYSTEM, changes=[Change("claim.given_up", "claim", claim.pk, before, claim_json(claim))])


def _remove(model: type[Claim] | type[Invite] | type[Stranger], rows: QuerySet[Any]) -> None:
    gone = list(rows.values_list("pk", flat=True)[:PAGE])
    if gone:
        model._default_manager.filter(pk__in=gone).delete()
