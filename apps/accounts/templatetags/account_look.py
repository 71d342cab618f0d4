"""django-allauth's forms in the panel's look."""

from typing import Any

from django import template
from django.forms import BaseForm
from unfold.widgets import CHECKBOX_CLASSES, INPUT_CLASSES

register = template.Library()


@register.filter
def dressed(form: BaseForm) -> Any:
    """The form with the theme's classes on its fields. Its placeholders go: each field has a label."""
    for field in form.fields.values():
        attributes = field.widget.attrs
        classes = CHECKBOX_CLASSES if getattr(field.widget, "input_type", "") == "checkbox" else INPUT_CLASSES
        attributes["class"] = " ".join(classes)
        attributes.pop("placeholder", None)
    return form


@register.filter
def sentence_case(text: str) -> str:
    """A heading as the panel has them: django-allauth’s begin each word with a capital, and all with a new line."""
    return text.strip().capitalize()
