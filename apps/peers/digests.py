"""Which state of a peer a page showed, so that a stale page is told from a fresh one."""

import json
from collections.abc import Iterable

from django.utils.crypto import salted_hmac

from apps.peers.terms import PeerState


def state_digest(state: PeerState) -> str:
    """64 hex digits of all that is stored, keyed: the page that carries them tells nothing of the token's hash."""
    text = json.dumps(state.draft(), sort_keys=True)
    return salted_hmac("alknet.peer", text, algorithm="sha256").hexdigest()


def states_digest(states: Iterable[PeerState]) -> str:
    """The same of many peers, in any order."""
    drafts = sorted((state.draft() for state in states), key=lambda draft: draft["peer_id"])
    return salted_hmac("alknet.peers", json.dumps(drafts, sort_keys=True), algorithm="sha256").hexdigest()
