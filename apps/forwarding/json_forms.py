"""Rules of forwarding, and answers about them, as JSON, for programs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from apps.forwarding.models import Rule
from apps.forwarding.unknown import unknown_names

if TYPE_CHECKING:
    from apps.forwarding.tester import Answer


def rule_json(row: Rule) -> dict[str, Any]:
    """`changed_at` is ISO 8601 in UTC. An empty list asks nothing."""
    return {
        "id": row.pk,
        "position": row.position,
        "action": row.action,
        "target": row.target,
        "principals": list(row.names("principals")),
        "transports": list(row.names("transports")),
        "directions": list(row.names("directions")),
        "note": row.note,
        "changed_at": row.changed_at.isoformat(timespec="seconds"),
        "changed_by": row.changed_by,
        "sentence": str(row),
    }


def listed_json(rows: Sequence[Rule]) -> list[dict[str, Any]]:
    """Each with the names in it that nobody has."""
    unknown = unknown_names(rows)
    return [
        {**rule_json(row), "unknown": [name for name in row.names("principals") if name in unknown]} for row in rows
    ]


def answer_json(found: "Answer") -> dict[str, Any]:
    """`rule` is None where no rule decided."""
    return {
        "allowed": found.allowed,
        "text": found.text,
        "rule": None if found.rule is None else rule_json(found.rule),
        "addresses": list(found.addresses),
        "steps": [{"step": step.step, "allowed": step.allowed, "text": step.text} for step in found.steps],
    }
