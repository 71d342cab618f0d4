"""The panel's forms of locks. They ask the services what would be stored, and show what is wrong."""

import time
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from alknet_site.form_errors import show_errors
from apps.locks import services
from apps.locks.closings import closings_of_lock
from apps.locks.models import Lock
from apps.peers.agreed import AskingForm
from apps.peers.impact import Impact
from node.core.locks import MAX_MESSAGE, MAX_REASON, InvalidLock, LockKind

CONFIRMATION = "lock everything"
"""What has to be typed before everything is locked."""

KINDS = [
    (LockKind.PEER.value, "Peer: its connections close, and others of it are refused"),
    (LockKind.SCOPE.value, "Scope: nobody has it for a while"),
    (LockKind.ALPN.value, "Protocol (ALPN): its connections close, and others are refused"),
    (LockKind.CREDENTIAL.value, "Credential: no handler has it for a while"),
]
_FOREVER, _DATE = "", "date"
LASTS = [
    (_FOREVER, "Until it is unlocked"),
    ("3600", "1 hour"),
    ("28800", "8 hours"),
    ("86400", "1 day"),
    ("604800", "1 week"),
    (_DATE, "Until a date"),
]
"""How long a lock may be set to hold, in seconds."""
FIELD_NAMES = {"expires_at": "until"}
"""Fields of a lock that these forms call otherwise."""


class MomentInput(UnfoldAdminTextInputWidget):
    """The browser's own field for a date and a time."""

    input_type = "datetime-local"


class TermsForm(forms.Form):
    """What every lock has: how long, why, and what the refused side is told."""

    lasts = forms.ChoiceField(label="How long", choices=LASTS, required=False, widget=UnfoldAdminSelectWidget)
    until = forms.DateTimeField(
        label="Until (UTC)",
        required=False,
        widget=MomentInput,
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        help_text="Only with “Until a date”.",
    )
    message = forms.CharField(
        required=False,
        max_length=MAX_MESSAGE,
        widget=UnfoldAdminTextInputWidget,
        help_text="The refused side is shown this, after “locked:”. Anybody may see it.",
    )
    reason = forms.CharField(
        required=False,
        max_length=MAX_REASON,
        widget=UnfoldAdminTextInputWidget,
        help_text="Why, for administrators. It stays here and in the log of changes.",
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        lasts, until = cleaned.get("lasts", _FOREVER), cleaned.get("until")
        if lasts == _DATE and until is None and "until" not in self.errors:
            self.add_error("until", "Until when?")
        if lasts != _DATE and until is not None:
            self.add_error("lasts", "Choose “Until a date”, or leave the date empty.")
        return cleaned

    def terms(self) -> dict[str, Any]:
        """What was typed, as `services.lock` takes it. A span begins now."""
        lasts, until = self.cleaned_data.get("lasts", _FOREVER), self.cleaned_data.get("until")
        end = None
        if lasts == _DATE and until is not None:
            end = until.timestamp()
        elif lasts not in (_FOREVER, _DATE):
            end = time.time() + float(lasts)
        texts = {name: self.cleaned_data.get(name, "") for name in ("message", "reason")}
        return texts | {"expires_at": end}

    def look(self, target_kind: str, target: str) -> None:
        """Show what the services would refuse."""
        try:
            services.plan_lock(target_kind, target, **self.terms())
        except InvalidLock as error:
            show_errors(self, error, FIELD_NAMES)


class LockForm(AskingForm, TermsForm, forms.ModelForm):
    """A new lock of one thing. An existing one has no form: it is lifted, and another is placed."""

    target_kind = forms.ChoiceField(label="What", choices=KINDS, widget=UnfoldAdminSelectWidget)
    target = forms.CharField(
        label="Which",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="The name of the peer (or an API key’s prefix), of the scope, of the protocol such as alknet/call, "
        "or of the credential’s provider.",
        error_messages={"required": "Which one?"},
        strip=False,
    )

    class Meta:
        model = Lock
        fields = ["target_kind", "target", "reason", "message"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not self.errors:
            self.look(cleaned["target_kind"], cleaned["target"])
        if not self.errors:
            kind, target = LockKind(cleaned["target_kind"]), cleaned["target"]
            self.ask(Impact(closings_of_lock(kind, target, cleaned.get("message", ""))), [kind, target])
        return cleaned

    def validate_constraints(self) -> None:
        """The services have looked at everything, in better words."""


class EverythingForm(TermsForm):
    """A lock of everything, with the words that have to be typed for it."""

    confirmation = forms.CharField(
        label=f"Type “{CONFIRMATION}”",
        widget=UnfoldAdminTextInputWidget(
            attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
        ),
        error_messages={"required": f"Type “{CONFIRMATION}”, or nothing is locked."},
    )

    def clean_confirmation(self) -> str:
        typed: str = self.cleaned_data["confirmation"]
        if typed.lower() != CONFIRMATION:
            raise forms.ValidationError(f"Type “{CONFIRMATION}”, or nothing is locked.")
        return typed

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not self.errors:
            self.look(LockKind.EVERYTHING.value, "")
        return cleaned
