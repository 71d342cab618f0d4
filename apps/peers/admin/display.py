"""How keys and moments look in the panel."""

from datetime import UTC, datetime

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from node.core.fingerprint import spellings


def key_spellings(fingerprint: str) -> SafeString:
    """Every spelling of one key, as a list of terms."""
    key = spellings(fingerprint)
    named = (
        ("Fingerprint", key.fingerprint),
        ("OpenSSH", key.openssh),
        ("OpenSSH fingerprint", key.openssh_fingerprint),
        ("PEM", key.pem),
    )
    rows = format_html_join("", "<dt>{}</dt><dd>{}</dd>", ((name, text) for name, text in named if text))
    return format_html('<dl class="alknet-key">{}</dl>', rows)


def expiry_label(unix_seconds: int | None) -> str:
    """When a key expires, in words."""
    if unix_seconds is None:
        return "never"
    try:
        return datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, OSError, ValueError):
        return f"at {unix_seconds} (unix seconds)"
