"""Locks as JSON, for programs."""

from typing import Any

from apps.locks.selectors import LockFacts


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
