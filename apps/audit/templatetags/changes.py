"""Rows of the audit log for a page."""

from collections.abc import Iterable
from typing import Any

from django import template

from apps.audit.links import object_urls
from apps.audit.models import AuditEntry
from apps.audit.words import action_words, who_words

register = template.Library()


@register.simple_tag(takes_context=True)
def readable(context: dict[str, Any], entries: Iterable[AuditEntry]) -> list[dict[str, Any]]:
    """Each entry with its words, and with the address of its object where the reader may go there."""
    entries = list(entries)
    urls = object_urls(entries, context["request"].user)
    return [
        {
            "entry": entry,
            "who": who_words(entry.actor_kind, entry.actor_name),
            "what": action_words(entry.action),
            "url": urls.get((entry.object_type, entry.object_id)),
        }
        for entry in entries
    ]
