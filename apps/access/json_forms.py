"""Answers, assertions and grants as JSON, for programs."""

from collections.abc import Sequence
from typing import Any

from apps.access.assertions import holding
from apps.access.models import Assertion, Grant
from node.core.explain import Explanation


def explanation_json(found: Explanation) -> dict[str, Any]:
    return {
        "allowed": found.allowed,
        "rule": found.rule.value,
        "text": found.text,
        "step": found.step,
        "children": [explanation_json(child) for child in found.children],
    }


def assertion_json(row: Assertion) -> dict[str, Any]:
    return assertions_json([row])[0]


def assertions_json(rows: Sequence[Assertion]) -> list[dict[str, Any]]:
    """`holds` is as things are now."""
    held = holding(rows)
    return [_assertion_json(row, holds=held[row.pk]) for row in rows]


def _assertion_json(row: Assertion, *, holds: bool) -> dict[str, Any]:
    return {
        "id": row.pk,
        "who": row.who,
        "allowed": row.allowed,
        "scopes": row.scopes,
        "resource_type": row.resource_type,
        "resource": row.resource,
        "reason": row.reason,
        "created_at": row.created_at.isoformat(timespec="seconds"),
        "created_by": row.created_by,
        "sentence": str(row),
        "holds": holds,
    }


def grant_json(row: Grant) -> dict[str, Any]:
    """`holds` is as things are now."""
    given = row.core()
    return {
        "id": row.pk,
        "peer_id": row.peer_id,
        "scopes": list(given.scopes),
        "resource_type": row.resource_type,
        "resource": row.resource,
        "expires_at": row.expires_at,
        "reason": row.reason,
        "created_at": row.created_at.isoformat(timespec="seconds"),
        "created_by": row.created_by,
        "sentence": str(row),
        "holds": row.holds(),
    }
