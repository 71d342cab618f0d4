"""API tokens as JSON, for programs. Never a secret, nor the digest of one."""

from datetime import datetime
from typing import Any

from apps.tokens.selectors import TokenFacts


def token_json(token: TokenFacts) -> dict[str, Any]:
    """`expires_at` is in unix seconds; other times are ISO 8601 in UTC."""
    return {
        "id": token.id,
        "name": token.name,
        "rights": list(token.rights),
        "owner": token.owner,
        "created_at": _moment(token.created_at),
        "created_by": token.created_by,
        "expires_at": token.expires_at,
        "networks": list(token.networks),
        "last_used_at": _moment(token.last_used_at),
        "last_address": token.last_address or None,
    }


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds").replace("+00:00", "Z")
