"""Form fields that say while one types what the server will say of them, and that offer what is known.

Each app offers what it knows to check and to complete, once, when the panel's pages are found. A widget names the kind
of what is typed into it; htmx asks, and puts the answer below. Without a script, all of it is a plain form.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms import Script
from django.urls import reverse_lazy
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import format_lazy
from unfold.widgets import UnfoldAdminSplitDateTimeWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

_WAIT_MS = 500
"""Nobody is told that a word is wrong while they are writing it."""


@dataclass(frozen=True, slots=True)
class Said:
    """What is wrong with a text, and what it was taken for. Neither: there is nothing to say."""

    errors: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    """Plain, or SafeString where it has markup of its own."""


@dataclass(frozen=True, slots=True)
class Option:
    """One thing that can be added: `text` goes into the field, `label` is shown, `about` says why it is known."""

    text: str
    label: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Offered:
    """What fits the text so far, and a sentence on that text itself."""

    options: tuple[Option, ...] = ()
    about: str = ""


Check = Callable[[str, str], Said]
"""Takes the text and `besides`, the name of what is edited ("" for something new)."""
Complete = Callable[[str], Offered]
_MODULE: Any = [Script("panel/fields.js", type="module")]
"""The stubs know addresses only."""
CHECKS: dict[str, Check] = {}
COMPLETIONS: dict[str, Complete] = {}


def offer(checks: Mapping[str, Check], completions: Mapping[str, Complete] | None = None) -> None:
    """Have these asked by the widgets below, each by its kind."""
    CHECKS.update(checks)
    COMPLETIONS.update(completions or {})


class Checked(forms.Widget):
    """Mixed into a widget: what is typed into it is checked as `kind`. A kind of "" is not checked."""

    def __init__(self, *args: Any, kind: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        self.besides = ""

    @property
    def media(self) -> forms.Media:
        """What the widget itself needs, and the module of the fields."""
        inherited: forms.Media = super().media
        return inherited + forms.Media(js=_MODULE)

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        plain = super().render(name, value, attrs, renderer)
        if not self.kind:
            return plain
        names = [f"{name}_{n}" for n in range(len(self.widgets))] if isinstance(self, forms.MultiWidget) else [name]
        return format_html(
            '<div class="alknet-checked" hx-post="{}" hx-trigger="input delay:{}ms, change delay:{}ms" '
            'hx-target="find .alknet-says" hx-params="{}" hx-vals="{}" hx-sync="this:replace">{}'
            '<div class="alknet-says" role="status"></div></div>{}',
            reverse_lazy("field_check", args=[self.kind]),
            _WAIT_MS,
            _WAIT_MS,
            ",".join([*names, "csrfmiddlewaretoken", "checked_field", "checked_besides"]),
            json.dumps({"checked_field": name, "checked_besides": self.besides}),
            plain,
            self.completion(name),
        )

    def completion(self, name: str) -> SafeString | str:
        """What stands below the field to fill it by."""
        return ""


def tell_besides(form: forms.BaseForm, name: str) -> None:
    """Have every such field of the form checked as one of what is called `name` and is being changed."""
    for field in form.fields.values():
        if isinstance(field.widget, Checked):
            field.widget.besides = name


class CheckedText(Checked, UnfoldAdminTextInputWidget):
    """One line."""


class CheckedMoment(Checked, UnfoldAdminSplitDateTimeWidget):
    """A day and a time."""


class CheckedTextarea(Checked, UnfoldAdminTextareaWidget):
    """Many lines. With `completes`, a combobox below it finds what can be added, and adds it."""

    def __init__(self, *args: Any, completes: str = "", noun: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.completes = completes
        self.noun = noun

    def completion(self, name: str) -> SafeString | str:
        if not self.completes:
            return ""
        return format_html(
            '<div class="alknet-complete" data-complete="id_{0}" data-completes="{1}" hidden>'
            '<label for="id_{0}_add">Find a {2} to add</label>'
            '<input id="id_{0}_add" name="q" type="text" form="" role="combobox" aria-expanded="false" '
            'aria-autocomplete="list" aria-controls="id_{0}_options" aria-describedby="id_{0}_about" '
            'class="alknet-input" autocomplete="off" autocapitalize="off" spellcheck="false" maxlength="255" '
            'hx-get="{3}" hx-trigger="input delay:150ms, focus" hx-target="next .alknet-options" '
            'hx-sync="this:replace">'
            '<p id="id_{0}_about" class="alknet-note" role="status"></p>'
            '<ul id="id_{0}_options" class="alknet-options" role="listbox" aria-label="{4}" hidden></ul></div>',
            name,
            self.completes,
            self.noun,
            reverse_lazy("field_complete", args=[self.completes]),
            format_lazy("Known {}s", self.noun),
        )
