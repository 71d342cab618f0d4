"""Changing assertions and grants. Each function is one transaction that holds the change and its audit row."""

from apps.access.services.assertions import add_assertion, plan_assertion, remove_assertions
from apps.access.services.grants import (
    ENDED_KEPT,
    MAX_GRANT,
    MAX_PER_PEER,
    MAX_SCOPES,
    grant_access,
    plan_grant,
    revoke_grants,
)

__all__ = [
    "ENDED_KEPT",
    "MAX_GRANT",
    "MAX_PER_PEER",
    "MAX_SCOPES",
    "add_assertion",
    "grant_access",
    "plan_assertion",
    "plan_grant",
    "remove_assertions",
    "revoke_grants",
]
