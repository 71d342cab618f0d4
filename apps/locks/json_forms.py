"""Locks as JSON, for programs."""

from collections.abc import Iterable
from typing import Any

from apps.locks.selectors import LockFacts, locks_on_peers


def lock_json(facts: LockFacts) -> dict[str, Any]:
    """`expires_at` is in unix seconds, null for a lock without an end; `created_at` is ISO 8601 in UTC."""
    return {
        "id": facts.lock_id,
        "target_kind": facts.kind.value,
        "target": facts.target,
        "reason": facts.reason,
        "message": facts.message,
        "created_at": facts.created_at.isoformat(timespec="seconds"),
        "created_by": facts.created_by,
        "expires_at": facts.expires_at,
        "holds": facts.holds,
    }


def locks_of_peers(peer_ids: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Of each peer the locks that keep it out at this moment, those of everything among them."""
    return {name: [lock_json(lock) for lock in held] for name, held in locks_on_peers(peer_ids).items()}
