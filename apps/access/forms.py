"""The form of the access tester, which is an address as well: every field is in the query. And that of a grant."""

import time
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from alknet_site.form_errors import show_errors
from apps.access import services
from apps.access.models import Grant
from apps.access.questions import MAX_WHO, InvalidQuestion, question
from apps.peers.drafts import split_scopes
from node.core.explain import Question
from node.core.grants import InvalidGrant
from node.core.locks import MAX_ALPN, MAX_REASON
from node.core.peers import MAX_NAME, MAX_RESOURCE_LENGTH

_PLAIN = {"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
MAX_SCOPES_TEXT = 4_096


def _text(label: str, most: int, help_text: str) -> forms.CharField:
    widget = UnfoldAdminTextInputWidget(attrs=_PLAIN)
    return forms.CharField(label=label, max_length=most, required=False, help_text=help_text, widget=widget)


class TesterForm(forms.Form):
    """Who, and what. What is left empty is not asked."""

    who = _text("Who", MAX_WHO, "A peer’s name, an API key’s prefix, or a key in any spelling. Empty: a stranger.")
    alpn = _text("Protocol", MAX_ALPN, "Such as alknet/call or alknet/ssh.")
    scopes = _text("Scopes", MAX_SCOPES_TEXT, "With commas between; every one is asked for, such as ssh:exec:uptime.")
    resource_type = _text("Kind of resource", MAX_RESOURCE_LENGTH, "Such as repo; bucket for files.")
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


SPANS = [("3600", "1 hour"), ("86400", "1 day"), ("604800", "7 days")]
"""How long a grant of the panel lasts, in seconds."""


class GrantForm(forms.ModelForm):
    """A new grant. An existing one has no form: it is revoked, and another is given."""

    peer_id = _text("Peer", MAX_NAME, "Its name.")
    scopes = _text("Scopes", MAX_SCOPES_TEXT, "With commas between. These very ones, no *.")
    resource_type = _text("Kind of resource", MAX_RESOURCE_LENGTH, "Such as repo; with the name of one.")
    resource = _text("Resource", MAX_RESOURCE_LENGTH, "Its name, such as web.")
    lasts = forms.ChoiceField(label="For", choices=SPANS, widget=UnfoldAdminSelectWidget)
    reason = forms.CharField(
        required=False, max_length=MAX_REASON, widget=UnfoldAdminTextInputWidget, help_text="Why, for administrators."
    )

    class Meta:
        model = Grant
        fields: tuple[str, ...] = ()

    def wish(self) -> dict[str, Any]:
        """What was typed, as the services take it. The span begins now."""
        names = ("peer_id", "resource_type", "resource", "reason")
        wish = {name: self.cleaned_data.get(name, "") for name in names}
        scopes = list(dict.fromkeys(split_scopes(self.cleaned_data.get("scopes", ""))))
        return wish | {"scopes": scopes, "expires_at": time.time() + float(self.cleaned_data["lasts"])}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        try:
            services.plan_grant(**self.wish())
        except InvalidGrant as error:
            show_errors(self, error, {"expires_at": "lasts"})
        return cleaned

    def validate_constraints(self) -> None:
        """The services have looked at everything."""
