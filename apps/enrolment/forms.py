"""The panel's form of an invitation. It asks the services what would be stored, and shows what is wrong."""

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from alknet_site.form_errors import show_errors
from apps.enrolment import services
from apps.enrolment.errors import InvalidInvite
from apps.enrolment.models import Invite
from apps.panel.fields import CheckedMoment, CheckedText
from apps.peers.form_fields import ResourcesField, ScopesField

LASTS = [
    ("1800", "30 minutes"),
    ("3600", "1 hour"),
    ("28800", "8 hours"),
    ("86400", "1 day"),
    ("604800", "1 week"),
    ("2592000", "30 days"),
]
"""How long a code may be set to be good, in seconds."""
PEER_LASTS = [
    ("", "Never"),
    ("28800", "8 hours after"),
    ("86400", "1 day after"),
    ("604800", "1 week after"),
    ("2592000", "30 days after"),
    ("7776000", "90 days after"),
    ("31536000", "1 year after"),
]
"""How long a peer may be set to hold from its admission on, in seconds."""
_FIELDS = {"seconds": "lasts", "peer_seconds": "peer_lasts", "peer_expires_at": "peer_ends"}
"""Which field shows what the services say of another."""
_PLAIN = {"autocomplete": "off", "spellcheck": "false"}


class InviteForm(forms.ModelForm):
    """A new invitation. An existing one has no form: it is revoked, and another is made."""

    peer_id = forms.CharField(
        label="Name",
        required=False,
        widget=CheckedText(attrs=_PLAIN, kind="planned_peer_id"),
        help_text="What the peer will be called. Empty: the machine proposes a name.",
    )
    needs_approval = forms.BooleanField(
        label="Ask first",
        required=False,
        initial=True,
        widget=UnfoldBooleanSwitchWidget,
        help_text="A machine that comes with the code waits until somebody has compared the digits and approved it. "
        "Without that, whoever has the code first is in.",
    )
    lasts = forms.ChoiceField(label="Good for", choices=LASTS, initial="86400", widget=UnfoldAdminSelectWidget)
    uses = forms.IntegerField(
        label="Machines",
        initial=1,
        min_value=1,
        max_value=services.MAX_USES,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="How many machines may use the code. One for several names none of them.",
    )
    scopes = ScopesField(rows=4, help_text="What the peer may do: one on a line, or with commas between.")
    resources = ResourcesField(help_text='Named things that it may reach, such as {"repo": ["web", "docs"]}.')
    peer_lasts = forms.ChoiceField(
        label="Peer ends",
        choices=PEER_LASTS,
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text="After it was admitted. Then its connections close, as if it were disabled.",
    )
    peer_ends = forms.SplitDateTimeField(
        label="Or ends at",
        required=False,
        widget=CheckedMoment(kind="moment"),
        help_text="In UTC: the same moment for all machines that use the code, however late they come.",
    )
    note = forms.CharField(
        required=False,
        max_length=255,
        widget=UnfoldAdminTextInputWidget,
        help_text="What it is for. For administrators.",
    )
    address = forms.CharField(
        label="Node’s address",
        required=False,
        max_length=300,
        widget=UnfoldAdminTextInputWidget(attrs=_PLAIN),
        help_text="HOST:PORT at which the machine reaches this node. It stands in the code.",
    )

    class Meta:
        model = Invite
        fields = ["peer_id", "note"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                services.plan_invite(**self.wish())
            except InvalidInvite as error:
                show_errors(self, error, _FIELDS)
        return cleaned

    def wish(self) -> dict[str, Any]:
        """What was typed, as `create_invite` takes it, but for the place of the node."""
        names = ("peer_id", "needs_approval", "uses", "scopes", "resources", "note")
        lasts, ends = self.cleaned_data["peer_lasts"], self.cleaned_data["peer_ends"]
        return {
            **{name: self.cleaned_data[name] for name in names},
            "seconds": float(self.cleaned_data["lasts"]),
            "peer_seconds": float(lasts) if lasts else None,
            "peer_expires_at": ends.timestamp() if ends else None,
        }

    def validate_constraints(self) -> None:
        """The services have looked at everything, in better words."""
