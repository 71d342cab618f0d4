"""Rules of forwarding as JSON, for programs."""

from typing import Any

from apps.forwarding.models import Rule


def rule_json(row: Rule) -> dict[str, Any]:
    """`changed_at` is ISO 8601 in UTC. An empty list asks nothing."""
    return {
        "id": row.pk,
        "position": row.position,
        "action": row.action,
        "target": row.target,
        "principals": row.principals,
        "transports": row.transports,
        "directions": row.directions,
        "note": row.note,
        "changed_at": row.changed_at.isoformat(timespec="seconds"),
        "changed_by": row.changed_by,
        "sentence": str(row),
    }
