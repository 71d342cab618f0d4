"""How a state stands in a list: by a sign and words, so that colour alone tells nothing."""

from django.utils.html import format_html
from django.utils.safestring import SafeString


def sign(tone: str, words: str) -> SafeString:
    """The words after the sign of their tone, which is one of `alknet-tone-…` in panel.css."""
    markup = '<span class="alknet-kind alknet-tone-{}"><span class="alknet-sign" aria-hidden="true"></span>{}</span>'
    return format_html(markup, tone, words)
