"""Which live connections a change of the index ends: asked by the endpoint after it, and by previews before it."""

from collections.abc import Sequence

from node.core.index import PeerIndex, Standing


def lost(
    old: PeerIndex, new: PeerIndex, peer_id: str | None, fingerprints: Sequence[str]
) -> tuple[str, Standing] | None:
    """Whose connection it was, and why it may not go on; None where it may.

    `peer_id` is whom it was accepted as. One that came as a stranger counts as the peer that its key had until now.
    """
    whose = peer_id if peer_id is not None else _holder(old, fingerprints)
    standing = Standing.GOOD if whose is None else new.standing(whose, fingerprints)
    return None if whose is None or standing is Standing.GOOD else (whose, standing)


def _holder(index: PeerIndex, fingerprints: Sequence[str]) -> str | None:
    holders = (index.resolve_fingerprint(name) for name in fingerprints)
    return next((holder.id for holder in holders if holder is not None), None)
