"""How keys and moments look in the panel."""

import time
from datetime import UTC, datetime

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from node.core.fingerprint import spellings


def key_spellings(fingerprint: str, end: float | None = None) -> SafeString:
    """Every spelling of one key, as a list of terms, and when it ends if it does."""
    key = spellings(fingerprint)
    named = (
        ("Fingerprint", key.fingerprint),
        ("OpenSSH", key.openssh),
        ("OpenSSH fingerprint", key.openssh_fingerprint),
        ("PEM", key.pem),
        ("Ends", end_label(end) if end is not None else None),
    )
    rows = format_html_join("", "<dt>{}</dt><dd>{}</dd>", ((name, text) for name, text in named if text))
    return format_html('<dl class="alknet-key">{}</dl>', rows)


def end_label(end: float | None) -> str:
    """When a peer or a key ends, or since when it has."""
    if end is None:
        return "never"
    moment = expiry_label(int(end))
    return moment if end > time.time() else f"expired {moment}"


def expiry_label(unix_seconds: int | None) -> str:
    """When a key expires, in words."""
    if unix_seconds is None:
        return "never"
    try:
        return datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, OSError, ValueError):
        return f"at {unix_seconds} (unix seconds)"
