"""Scopes of many peers at once: some are added to each, or taken from each."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from django.db import transaction

from apps.audit.actors import Actor
from apps.audit.services import Change, record
from apps.peers import selectors
from apps.peers.drafts import draft_of, entry_from
from apps.peers.models import Peer
from apps.peers.services.batches import Tell, batches_told, untold
from apps.peers.services.peers import OBJECT_TYPE, PeerAction
from node.core.peers import InvalidPeer, PeerEntry

BATCH = 100
"""Peers that one statement changes."""


def change_scopes(
    *,
    actor: Actor,
    peer_ids: Iterable[str],
    add: Sequence[str] = (),
    remove: Sequence[str] = (),
    tell: Tell = untold,
) -> int:
    """Add scopes to all of these peers and take others away or, if anything is wrong, none. Returns how many changed.

    The audit row of each tells its scopes before and after.
    """
    with transaction.atomic():
        pairs = [(old, with_scopes(old, add=add, remove=remove)) for old in selectors.get_peers(peer_ids)]
        changed = [(old, new) for old, new in pairs if new.scopes != old.scopes]
        rows = [Peer(peer_id=new.peer_id, scopes=list(new.scopes)) for _, new in changed]
        for some in batches_told(rows, tell, "writing peers"):
            Peer.objects.bulk_update(some, ["scopes"], batch_size=BATCH)
        record(actor=actor, changes=[_change(old, new) for old, new in changed])
        return len(changed)


def with_scopes(entry: PeerEntry, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> PeerEntry:
    """The entry as it would be. Raises InvalidPeer, which names the peer."""
    kept = [scope for scope in entry.scopes if scope not in remove]
    try:
        return replace(entry, scopes=entry_from({**draft_of(entry), "scopes": [*kept, *add]}).scopes)
    except InvalidPeer as error:
        texts = error.errors.get("scopes")
        if texts is None:  # what else is wrong with a stored row is not this change's business
            return replace(entry, scopes=tuple(dict.fromkeys([*kept, *add])))
        raise InvalidPeer({"scopes": [f"{entry.peer_id}: {text}" for text in texts]}) from None


def _change(old: PeerEntry, new: PeerEntry) -> Change:
    before, after = ({"scopes": list(entry.scopes)} for entry in (old, new))
    return Change(PeerAction.CHANGED, OBJECT_TYPE, new.peer_id, before, after)
