"""The panel's forms of forwarding: of a rule, and of the tester, which is an address as well."""

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from alknet_site.form_errors import show_errors
from apps.forwarding import selectors, services
from apps.forwarding.errors import InvalidQuestion
from apps.forwarding.models import Rule
from apps.forwarding.tester import MAX_TARGET, Asked, question
from apps.peers.drafts import split_scopes
from node.core.forwarding.notation import MAX_PATTERN
from node.core.forwarding.policy import Action, Direction, Transport
from node.core.forwarding.rules import MAX_PRINCIPAL, MAX_PRINCIPALS, InvalidRule
from node.core.locks import MAX_REASON
from node.core.peers import MAX_NAME

_PLAIN = {"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
_ANY = ""
ACTIONS = [(Action.ALLOW.value, "Allow"), (Action.DENY.value, "Deny")]
TRANSPORTS = [
    (Transport.QUIC.value, "QUIC"),
    (Transport.TCP.value, "SSH over TCP"),
    (Transport.CHANNEL.value, "A channel of another connection"),
]
DIRECTIONS = [
    (Direction.LOCAL.value, "To the target: the node connects (ssh -L, -D, -W)"),
    (Direction.REMOTE.value, "From the target: the node listens there (ssh -R)"),
]


class RuleForm(forms.ModelForm):
    """A rule, new or there already."""

    action = forms.ChoiceField(choices=ACTIONS, widget=UnfoldAdminSelectWidget)
    target = forms.CharField(
        max_length=MAX_PATTERN,
        widget=UnfoldAdminTextInputWidget(attrs=_PLAIN),
        help_text="A name with one * at most, a network, or either with ports up to and without the last: db-*.lan, "
        "10.0.0.0/8, db.lan:5432, [fd00::/8]:8000..9000. Or /run/app/*.sock, alknet-*, or * for everything.",
        error_messages={"required": "Which targets?"},
    )
    principals = forms.CharField(
        label="For",
        required=False,
        max_length=MAX_PRINCIPALS * (MAX_PRINCIPAL + 2),
        widget=UnfoldAdminTextInputWidget(attrs=_PLAIN),
        help_text="Names of peers, and scopes that peers have, with commas between. Empty: every peer.",
    )
    direction = forms.ChoiceField(required=False, choices=[(_ANY, "Both"), *DIRECTIONS], widget=UnfoldAdminSelectWidget)
    transports = forms.MultipleChoiceField(
        label="Over",
        required=False,
        choices=TRANSPORTS,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="How the peer is connected. None: all of them.",
    )
    position = forms.IntegerField(
        label="Place",
        required=False,
        min_value=1,
        max_value=services.MAX_RULES,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="Counted from 1, which is asked first. Empty: at the end.",
    )
    note = forms.CharField(
        required=False, max_length=MAX_REASON, widget=UnfoldAdminTextInputWidget, help_text="Why, for administrators."
    )

    seen = forms.CharField(required=False, widget=forms.HiddenInput)
    """The state that the page shows, its place included."""

    class Meta:
        model = Rule
        fields = ["action", "target", "note"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._there = not self.instance._state.adding
        if self._there:
            self.initial.update(_shown(self.instance))
            self.fields["position"].help_text = "Counted from 1, which is asked first; the rules between move by one."

    def wish(self) -> dict[str, Any]:
        """What was typed, as the services take it; of a rule that is there, what was changed."""
        cleaned = self.cleaned_data
        direction = cleaned.get("direction", _ANY)
        wish = {
            "action": cleaned.get("action"),
            "target": cleaned.get("target"),
            "principals": list(dict.fromkeys(split_scopes(cleaned.get("principals", "")))),
            "directions": [direction] if direction else [],
            "transports": list(cleaned.get("transports", ())),
            "note": cleaned.get("note", ""),
            "position": cleaned.get("position"),
        }
        if not self._there:
            return wish
        changed = {"directions" if name == "direction" else name for name in self.changed_data}
        return {name: value for name, value in wish.items() if name in changed}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        if self._there and cleaned.get("seen") != self.initial["seen"]:
            self.add_error(
                None, "This rule was changed or moved meanwhile. Nothing was saved: open the page anew and look."
            )
            return cleaned
        whole = {name: getattr(self.instance, name) for name in services.FIELDS} if self._there else {}
        try:
            services.plan_rule(**whole | self.wish())
        except InvalidRule as error:
            show_errors(self, error, {"directions": "direction"})
        return cleaned

    def validate_constraints(self) -> None:
        """The services have looked at everything."""


class ForwardingTesterForm(forms.Form):
    """Who asks for what, and how."""

    peer_id = forms.CharField(
        label="Peer",
        max_length=MAX_NAME,
        widget=UnfoldAdminTextInputWidget(attrs=_PLAIN),
        help_text="Its name.",
        error_messages={"required": "Which peer?"},
    )
    target = forms.CharField(
        max_length=MAX_TARGET,
        widget=UnfoldAdminTextInputWidget(attrs=_PLAIN),
        help_text="db.lan:5432, [fd00::1]:22 or /run/app.sock. A name is looked up here, and every address judged.",
        error_messages={"required": "Which target?"},
    )
    direction = forms.ChoiceField(choices=DIRECTIONS, widget=UnfoldAdminSelectWidget)
    transport = forms.ChoiceField(label="Over", choices=TRANSPORTS, widget=UnfoldAdminSelectWidget)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asked: Asked | None = None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        try:
            self.asked = question(**cleaned)
        except InvalidQuestion as error:
            show_errors(self, error)
        return cleaned


def _shown(row: Rule) -> dict[str, Any]:
    """The fields of a rule that is there, as the form has them."""
    return {
        "action": row.action,
        "target": row.target,
        "principals": ", ".join(row.names("principals")),
        "direction": next(iter(row.names("directions")), _ANY),
        "transports": list(row.names("transports")),
        "position": row.position,
        "note": row.note,
        "seen": selectors.state_digest(row),
    }
