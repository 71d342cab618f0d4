"""How the plan of an import reads in the panel."""

from django import template

register = template.Library()


@register.filter
def with_minus(words: str) -> str:
    """With minus signs for the hyphens before what goes: a line is never broken after one."""
    return words.replace(" -", " −")
