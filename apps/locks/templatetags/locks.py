"""What is locked, for the pages of what can be."""

from typing import Any

from django import template

from apps.locks import selectors
from apps.locks.words import end_words, what_words

register = template.Library()


@register.inclusion_tag("locks/held.html", takes_context=True)
def locks_on(context: dict[str, Any], kind: str, target: str) -> dict[str, Any]:
    """A note for each lock that holds this one, to whoever may see locks."""
    may = context["request"].user.has_perm("locks.view_lock")
    return {"locks": selectors.locks_on(kind, str(target)) if may else []}


@register.inclusion_tag("locks/held.html", takes_context=True)
def lock_on_everything(context: dict[str, Any]) -> dict[str, Any]:
    """A note where everything is locked."""
    may = context["request"].user.has_perm("locks.view_lock")
    found = selectors.everything_lock() if may else None
    return {"locks": [] if found is None else [found]}


@register.filter
def lock_what(facts: selectors.LockFacts) -> str:
    return what_words(facts.kind, facts.target)


@register.filter
def lock_end(facts: selectors.LockFacts) -> str:
    return end_words(facts.expires_at, holds=facts.holds)
