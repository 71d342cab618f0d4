"""The plain fields are what Django's templates make of them."""

import pytest
from django.forms import CheckboxInput, HiddenInput, TextInput, Widget
from django.forms.renderers import DjangoTemplates
from django.test.html import parse_html

from apps.panel.form_renderer import PanelRenderer

NASTY = "\"'<&>\N{SNOWMAN}"


@pytest.mark.parametrize("widget", [CheckboxInput(), HiddenInput(), TextInput()])
@pytest.mark.parametrize("value", [None, "", True, False, 0, 7, NASTY])
@pytest.mark.parametrize("attrs", [{}, {"id": "x", "checked": False, "required": True, "title": NASTY, "class": ""}])
def test_the_same_html(widget: Widget, value: object, attrs: dict[str, object]) -> None:
    ours, theirs = (widget.render("n", value, attrs, renderer()) for renderer in (PanelRenderer, DjangoTemplates))
    assert parse_html(ours) == parse_html(theirs)
