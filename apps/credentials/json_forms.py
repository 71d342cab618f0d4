"""Credentials as JSON, for programs. Never a content, sealed or not."""

from typing import Any

from apps.credentials.selectors import CredentialFacts
from apps.credentials.services import Step


def credential_json(facts: CredentialFacts) -> dict[str, Any]:
    """`changed_at` is when the content was last set, ISO 8601 in UTC; `changed_by` is empty where nobody knows."""
    return {
        "provider": facts.provider,
        "key_version": facts.key_version,
        "changed_at": facts.changed_at.isoformat(timespec="seconds"),
        "changed_by": facts.changed_by,
    }


def step_json(step: Step, *, number: int, of: int) -> dict[str, Any]:
    """One step of a rotation: the `number`-th `of` so many."""
    told = {"provider": step.provider, "outcome": step.outcome.value, "number": number, "of": of}
    return told | ({"reason": step.reason} if step.reason else {})
