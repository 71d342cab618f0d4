"""Form fields as HTML: the plainest of them without a template.

A list of fifty peers has some two hundred check boxes and hidden fields. As templates, each of which includes another,
they took half of the time of the page.
"""

from html import escape
from typing import Any

from django.forms.renderers import DjangoTemplates
from django.utils.html import conditional_escape
from django.utils.safestring import mark_safe

_PLAIN = frozenset({"django/forms/widgets/checkbox.html", "django/forms/widgets/hidden.html"})


class PanelRenderer(DjangoTemplates):
    def render(self, template_name: str, context: dict[str, Any], request: Any = None) -> str:
        """What the template would give, attribute by attribute."""
        if template_name not in _PLAIN:
            return super().render(template_name, context, request)
        widget = context["widget"]
        value = {} if widget["value"] is None else {"value": str(widget["value"])}
        named = {"type": widget["type"], "name": widget["name"], **value}
        return mark_safe(f"<input{_attributes(named)}{_attributes(widget['attrs'])}>")  # noqa: S308 - all is escaped


def _attributes(values: dict[str, Any]) -> str:
    """As django/forms/widgets/attrs.html has them: True is a name alone, False is nothing."""
    return "".join(
        f" {_escaped(name)}" if value is True else f' {_escaped(name)}="{_escaped(value)}"'
        for name, value in values.items()
        if value is not False
    )


def _escaped(value: Any) -> str:
    """As `conditional_escape`, which looks at every argument for one that is lazy: a page has thousands."""
    return escape(value) if type(value) is str else conditional_escape(value)
