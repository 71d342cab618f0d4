"""Form fields for what people paste: keys, scopes and resources, each as text that is easy to edit."""

import json
from abc import ABC, abstractmethod
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextareaWidget

from apps.peers.drafts import split_keys, split_scopes

MAX_TEXT = 1_000_000
"""Longest text of one field, in characters; the rules of node.core.peers are far narrower."""


class ListField(forms.CharField, ABC):
    """A list of texts in a text area, one on a line."""

    def __init__(self, *, rows: int, **options: Any) -> None:
        widget = UnfoldAdminTextareaWidget(attrs={"rows": rows, "spellcheck": "false", "class": "alknet-mono"})
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
    def split(self, text: str) -> list[str]:
        return split_keys(text)


class ScopesField(ListField):
    def split(self, text: str) -> list[str]:
        return split_scopes(text)


class ResourcesField(forms.CharField):
    """A map of lists as JSON. A mistake in it is shown by its line; an empty field is an empty map."""

    def __init__(self, **options: Any) -> None:
        widget = UnfoldAdminTextareaWidget(attrs={"rows": 5, "spellcheck": "false", "class": "alknet-mono"})
        super().__init__(required=False, max_length=MAX_TEXT, widget=widget, **options)

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else json.dumps(value or {}, indent=2, ensure_ascii=False)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            return json.loads(text) if text else {}
        except json.JSONDecodeError as error:
            place = f"line {error.lineno}, column {error.colno}"
            raise ValidationError(f"Not valid JSON: {error.msg} ({place}).", code="invalid") from None
        except ValueError:
            raise ValidationError("Not valid JSON: a number with too many digits.", code="invalid") from None
        except RecursionError:
            raise ValidationError("Nested too deep.", code="invalid") from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool((initial or {}) != self.clean(data))
        except ValidationError:
            return True
