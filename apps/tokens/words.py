"""How a token reads on a page."""

from datetime import UTC, datetime

from apps.tokens.selectors import TokenFacts


def expiry_words(token: TokenFacts) -> str:
    """“2027-01-31 00:00 UTC”, and that it has expired where it has."""
    if token.expires_at is None:
        return "never"
    moment = datetime.fromtimestamp(token.expires_at, UTC)
    return f"{moment:%Y-%m-%d %H:%M} UTC{' (expired)' if token.expired() else ''}"


def last_use_words(token: TokenFacts) -> str:
    """When and from where."""
    if token.last_used_at is None:
        return "never"
    return f"{token.last_used_at:%Y-%m-%d %H:%M} UTC from {token.last_address or 'an unknown address'}"
