"""Form fields for what people paste: keys, scopes and resources, each as text that is easy to edit."""

import json
from abc import ABC, abstractmethod
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from apps.panel.fields import CheckedTextarea
from apps.peers.drafts import parse_resources, split_keys, split_scopes

MAX_TEXT = 1_000_000
"""Longest text of one field, in characters; the rules of node.core.peers are far narrower."""


class ListField(forms.CharField, ABC):
    """A list of texts in a text area, one on a line. `kind` says as what it is checked while it is typed."""

    kind: str
    completes = ""

    def __init__(self, *, rows: int, **options: Any) -> None:
        widget = _text_area(rows, self.kind, completes=self.completes, noun="scope")
        super().__init__(required=False, max_length=MAX_TEXT, widget=widget, **options)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list | tuple) else value

    def clean(self, value: Any) -> list[str]:
        return self.split(super().clean(value))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return list(initial or ()) != self.split(data or "")

    @abstractmethod
    def split(self, text: str) -> list[str]: ...


class KeysField(ListField):
    kind = "keys"

    def split(self, text: str) -> list[str]:
        return split_keys(text)


class ScopesField(ListField):
    kind = completes = "scopes"

    def split(self, text: str) -> list[str]:
        return split_scopes(text)


class ResourcesField(forms.CharField):
    """A map of lists as JSON. A mistake in it is shown by its line; an empty field is an empty map."""

    def __init__(self, **options: Any) -> None:
        widget = _text_area(5, "resources", completes="resources", noun="resource")
        super().__init__(required=False, max_length=MAX_TEXT, widget=widget, **options)

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else json.dumps(value or {}, indent=2, ensure_ascii=False)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            return parse_resources(text)
        except ValueError as error:
            raise ValidationError(str(error), code="invalid") from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool((initial or {}) != self.clean(data))
        except ValidationError:
            return True


def _text_area(rows: int, kind: str, *, completes: str, noun: str) -> CheckedTextarea:
    attrs = {"rows": rows, "spellcheck": "false", "class": "alknet-mono"}
    return CheckedTextarea(attrs=attrs, kind=kind, completes=completes, noun=noun)
