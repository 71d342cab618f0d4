"""Which state of a peer a page showed, so that a stale page is told from a fresh one."""

import json

from django.utils.crypto import salted_hmac

from apps.peers.drafts import draft_of
from node.core.peers import PeerEntry


def entry_digest(entry: PeerEntry) -> str:
    """64 hex digits of the whole entry, keyed: the page that carries them tells nothing of the token's hash."""
    state = json.dumps(draft_of(entry), sort_keys=True)
    return salted_hmac("alknet.peer", state, algorithm="sha256").hexdigest()
