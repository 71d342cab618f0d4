"""The form of the access tester. It is an address as well: every field is in the query."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget

from alknet_site.form_errors import show_errors
from apps.access.questions import MAX_WHO, InvalidQuestion, question
from apps.peers.drafts import split_scopes
from node.core.explain import Question
from node.core.locks import MAX_ALPN
from node.core.peers import MAX_RESOURCE_LENGTH

_PLAIN = {"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
MAX_SCOPES_TEXT = 4_096


def _text(label: str, most: int, help_text: str) -> forms.CharField:
    widget = UnfoldAdminTextInputWidget(attrs=_PLAIN)
    return forms.CharField(label=label, max_length=most, required=False, help_text=help_text, widget=widget)


class TesterForm(forms.Form):
    """Who, and what. What is left empty is not asked."""

    who = _text("Who", MAX_WHO, "A peer’s name, an API key’s prefix, or a key in any spelling. Empty: a stranger.")
    alpn = _text("Protocol", MAX_ALPN, "Such as alknet/call.")
    scopes = _text("Scopes", MAX_SCOPES_TEXT, "With commas between; every one is asked for.")
    resource_type = _text("Kind of resource", MAX_RESOURCE_LENGTH, "Such as repo.")
    resource = _text("Resource", MAX_RESOURCE_LENGTH, "Its name, such as web. Empty: any of that kind.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asked: Question | None = None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        try:
            self.asked = question(**{**cleaned, "scopes": list(dict.fromkeys(split_scopes(cleaned["scopes"])))})
        except InvalidQuestion as error:
            show_errors(self, error)
        return cleaned
