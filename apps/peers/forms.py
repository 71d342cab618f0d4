"""The panel's forms of peers and API keys. They ask the services what would be stored, and show what is wrong."""

import time
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from alknet_site.form_errors import show_errors
from apps.panel.fields import CheckedMoment, CheckedText, CheckedTextarea, tell_besides
from apps.peers import selectors, services
from apps.peers.agreed import AskingForm
from apps.peers.closings import closings_of_disabling
from apps.peers.digests import state_digest
from apps.peers.errors import Absent
from apps.peers.form_fields import KeysField, ResourcesField, ScopesField
from apps.peers.impact import SHOWN, Impact, impact_between
from apps.peers.models import ApiKey, Peer
from apps.peers.terms import MAX_NOTES, PeerState
from node.core.fingerprint import MAX_KEY_INPUT
from node.core.peers import InvalidPeer

OVERLAPS = [
    ("3600", "1 hour more"),
    ("86400", "1 day more"),
    ("604800", "1 week more"),
    ("2592000", "30 days more"),
    ("0", "not any longer"),
]
"""How long an old key may hold beside its successor, in seconds."""


class PeerForm(AskingForm, forms.ModelForm):
    """A draft of one peer. Saving is the services' work: this form never writes."""

    peer_id = forms.CharField(
        label="Name",
        widget=CheckedText(attrs={"autocomplete": "off", "spellcheck": "false"}, kind="peer_id"),
        help_text="How rules and logs call this peer, such as laptop-alice. A new name renames it everywhere.",
        error_messages={"required": "A peer needs a name."},
        strip=False,
    )
    display_name = forms.CharField(
        required=False, widget=UnfoldAdminTextInputWidget, help_text="For people only, such as “Alice's laptop”."
    )
    keys = KeysField(
        rows=5,
        help_text="One on a line: an ssh-ed25519 line, a PEM public key or certificate, or a fingerprint. "
        "On the peer's machine, alknet id prints its key.",
    )
    scopes = ScopesField(rows=4, help_text="What this peer may do: one on a line, or with commas between.")
    resources = ResourcesField(help_text='Named things that it may reach, such as {"repo": ["web", "docs"]}.')
    expires_at = forms.SplitDateTimeField(
        label="Expires",
        required=False,
        widget=CheckedMoment(kind="moment"),
        help_text="In UTC. Then its connections close, and it is as if it were disabled. Left empty, it never expires.",
    )
    notes = forms.CharField(
        required=False,
        max_length=MAX_NOTES,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="For administrators: who has it, what it is for.",
    )
    auth_token_hash = forms.CharField(
        label="Token hash",
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="To bring a token that was made elsewhere: sha256: and 64 hex digits. Empty leaves all as it is.",
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Peer
        fields = ["peer_id", "display_name", "enabled"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.original_id: str | None = None if self.instance._state.adding else self.instance.pk
        self.initial.pop("auth_token_hash", None)
        tell_besides(self, self.original_id or "")
        if self.original_id is not None:
            state = self._state = selectors.state_held(self.instance)
            self._stored = state_digest(state)
            self.initial.update(expires_at=moment_of(state.terms.expires_at), notes=state.terms.notes)
            self.initial.update(keys=self.instance.fingerprints, seen=self._stored)

    def draft(self) -> dict[str, Any]:
        """What was typed, as the services take it; a field that is itself wrong is left out."""
        names = ("peer_id", "display_name", "keys", "scopes", "resources", "enabled")
        draft = {name: self.cleaned_data[name] for name in (*names, "notes") if name in self.cleaned_data}
        if "expires_at" in self.changed_data and "expires_at" in self.cleaned_data:
            draft["expires_at"] = self.cleaned_data["expires_at"]
        if self.cleaned_data.get("auth_token_hash"):
            draft["auth_token_hash"] = self.cleaned_data["auth_token_hash"]
        return draft

    def clean_expires_at(self) -> float | None:
        """In unix seconds. One that has passed may stay, and is not set anew: a mistyped year would cut a peer off."""
        moment: datetime | None = self.cleaned_data["expires_at"]
        if moment is not None and moment <= timezone.now() and "expires_at" in self.changed_data:
            raise forms.ValidationError("This moment has passed already. To end it now, disable it.")
        return None if moment is None else moment.timestamp()

    def clean(self) -> dict[str, Any]:
        """A page that shows an older state would bring it back whole, with what was revoked since."""
        cleaned = super().clean() or self.cleaned_data
        if self.original_id is not None and not constant_time_compare(cleaned.get("seen", ""), self._stored):
            self.add_error(None, "This peer was changed meanwhile. Nothing was saved: open the page anew and look.")
            return cleaned
        try:
            planned = self._plan()
        except InvalidPeer as error:
            for name, texts in error.errors.items():
                if name not in self.errors:
                    self.add_error(name if name in self.fields else None, texts)
        except Absent as error:
            self.add_error(None, str(error))
        else:
            if planned is not None and not self.errors:
                self.ask(impact_between(self._state, planned), self._stored)
        return cleaned

    def validate_unique(self) -> None:
        """The services did, and named the peer that is in the way."""

    def _plan(self) -> PeerState | None:
        """What is there would become this; None of a new peer, which takes nothing away."""
        if self.original_id is None:
            services.plan_create(self.draft())
            return None
        return services.plan_update(self.original_id, self.draft())


class RotationForm(AskingForm, forms.Form):
    """A new key in place of one that the peer has. Asks the services what would be stored."""

    old = forms.ChoiceField(label="Old key", widget=UnfoldAdminSelectWidget)
    new = forms.CharField(
        label="New key",
        max_length=MAX_KEY_INPUT,
        widget=CheckedTextarea(attrs={"rows": 4, "spellcheck": "false", "class": "alknet-mono"}, kind="keys"),
        help_text="An ssh-ed25519 line, a PEM public key or certificate, or a fingerprint.",
    )
    overlap = forms.TypedChoiceField(
        label="The old key holds",
        choices=OVERLAPS,
        initial="86400",
        coerce=float,
        widget=UnfoldAdminSelectWidget,
        help_text="While both hold, the peer can change over. Then the connections of the old key close.",
    )

    def __init__(self, *args: Any, state: PeerState, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._state = state
        tell_besides(self, state.peer_id)
        now, ends = time.time(), state.terms.key_expires_at
        held = [name for name in state.entry.fingerprints if ends.get(name, now + 1) > now]
        choices: Any = self.fields["old"]
        choices.choices = [(name, name) for name in held]

    def values(self) -> dict[str, Any]:
        """What was typed, as `rotate_key` takes it."""
        return {
            "old": self.cleaned_data["old"],
            "new": self.cleaned_data["new"],
            "overlap_seconds": self.cleaned_data["overlap"],
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                planned = services.plan_rotation(self._state, **self.values())
            except InvalidPeer as error:
                show_errors(self, error)
            else:
                self.ask(impact_between(self._state, planned), state_digest(self._state))
        return cleaned


def moment_of(end: float | None) -> datetime | None:
    """An end as a form shows it, to the second; None also for one that no calendar has."""
    try:
        return None if end is None else datetime.fromtimestamp(int(end), UTC)
    except (OverflowError, OSError, ValueError):
        return None


class PeerRowForm(forms.ModelForm):
    """A row of the list. Changed is what differs from what the page showed: a switch that nobody touched stays out."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["enabled"].show_hidden_initial = True
        self.fields["enabled"].widget.attrs["aria-label"] = f"{self.instance.pk} enabled"


class PeerRows(AskingForm, forms.BaseModelFormSet):
    """The switches of the list: those that turn peers off are looked at together."""

    def clean(self) -> None:
        super().clean()
        changed = [form for form in self.forms if form.is_valid() and form.has_changed()]
        states = selectors.get_states(form.instance.pk for form in changed if not form.cleaned_data["enabled"])
        if states:
            self.ask(Impact(closings_of_disabling(states, limit=SHOWN)), sorted(map(state_digest, states)))


class ApiKeyForm(forms.ModelForm):
    """A new API key. An existing one has no form: it is removed, and another is made."""

    description = forms.CharField(
        required=False, widget=UnfoldAdminTextInputWidget, help_text="What uses this key, such as “backup script”."
    )
    scopes = ScopesField(rows=4, help_text="What this key may do: one on a line, or with commas between.")
    expires_at = forms.SplitDateTimeField(
        label="Expires",
        required=False,
        widget=CheckedMoment(kind="moment"),
        help_text="In UTC. Left empty, it never expires.",
    )

    class Meta:
        model = ApiKey
        fields = ["description"]

    def clean_expires_at(self) -> int | None:
        """In unix seconds."""
        moment = self.cleaned_data["expires_at"]
        if moment is None:
            return None
        if moment <= timezone.now():
            raise forms.ValidationError("This moment has passed already.")
        return int(moment.timestamp())

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        try:
            services.plan_api_key(**self.values())
        except InvalidPeer as error:
            show_errors(self, error)
        return cleaned

    def values(self) -> dict[str, Any]:
        """What was typed, as `create_api_key` takes it."""
        return {
            "description": self.cleaned_data.get("description", ""),
            "scopes": self.cleaned_data.get("scopes", []),
            "expires_at": self.cleaned_data.get("expires_at"),
        }

    def validate_unique(self) -> None:
        """The prefix is not made yet."""
