"""Locks on many peers at once."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.audit.actors import Actor
from apps.audit.services import record
from apps.audit.words import who_words
from apps.locks import selectors
from apps.locks.models import Lock
from apps.locks.services.locks import LockAction, change_of, plan_lock
from apps.peers.selectors import get_peers
from apps.peers.services.batches import Tell, batches_told, untold
from node.core.locks import LockKind

BATCH = 100
"""Locks that one statement stores."""


def lock_peers(*, actor: Actor, peer_ids: Iterable[str], tell: Tell = untold, **terms: Any) -> int:
    """Lock all of these peers in the same terms (those of `lock`) or, if one is absent, none. Returns how many.

    Raises InvalidLock, and the Absent of peers.
    """
    with transaction.atomic():
        names = [entry.peer_id for entry in get_peers(peer_ids)]
        if not names:
            return 0
        columns = plan_lock(LockKind.PEER, names[0], **terms)
        columns |= {"created_at": timezone.now(), "created_by": who_words(actor.kind, actor.name)}
        placed = [Lock(**columns | {"target": name}) for name in names]
        for some in batches_told(placed, tell, "writing locks"):
            Lock.objects.bulk_create(some, batch_size=BATCH)
        record(actor=actor, changes=[change_of(LockAction.PLACED, None, selectors.facts(row)) for row in placed])
        return len(placed)
