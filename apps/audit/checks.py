"""A named complaint about an audit log whose rows could be changed.

A warning, not an error: `migrate` runs the checks first, and is what mends it.
"""

from collections.abc import Sequence
from typing import Any

from django.core import checks

from apps.audit.guards import wrong_guards


def check_guards(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Run by `manage.py check --database default`."""
    return [message for alias in databases or () for message in _check(alias)]


def _check(alias: str) -> list[checks.CheckMessage]:
    wrong = wrong_guards(using=alias)
    if not wrong:
        return []
    return [
        checks.Warning(
            f"The audit log is not guarded: {', '.join(wrong)} missing, outdated or not ours.",
            hint="Run: alknet audit verify; then: manage.py migrate",
            id="audit.W001",
        )
    ]
