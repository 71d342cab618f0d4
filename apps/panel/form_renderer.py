"""Form fields as HTML: the plainest of them without a template.

A list of fifty peers has some two hundred check boxes and hidden fields. As templates, each of which includes another,
they took half of the time of the page.
"""

from typing import Any

from django.forms.renderers import DjangoTemplates
from django.forms.utils import flatatt
from django.utils.html import format_html

_PLAIN = frozenset({"django/forms/widgets/checkbox.html", "django/forms/widgets/hidden.html"})


class PanelRenderer(DjangoTemplates):
    def render(self, template_name: str, context: dict[str, Any], request: Any = None) -> str:
        """What the template would give, attribute by attribute."""
        if template_name not in _PLAIN:
            return super().render(template_name, context, request)
        widget = context["widget"]
        attributes = {name: str(given) if given is None else given for name, given in widget["attrs"].items()}
        value = "" if widget["value"] is None else flatatt({"value": widget["value"]})
        return format_html(
            '<input type="{}" name="{}"{}{}>', widget["type"], widget["name"], value, flatatt(attributes)
        )
