"""What the templates of enrolment show of times and keys."""

from django import template

from apps.enrolment.words import moment_words, peer_end_words

register = template.Library()
register.filter("moment", moment_words)
register.filter("peer_end", peer_end_words)


@register.filter
def short_key(fingerprint: str) -> str:
    """The kind of a key and its first digits."""
    kind, _, digits = fingerprint.partition(":")
    return f"{kind}:{digits[:12]}…"
