"""The panel's form of a new token. It asks the services what would be refused, and shows it."""

from datetime import timedelta
from typing import Any, cast

from django import forms
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
)

from alknet_site.form_errors import show_errors
from apps.accounts.rights import Right
from apps.accounts.selectors import list_users
from apps.panel.fields import CheckedMoment, CheckedText, CheckedTextarea
from apps.tokens import services
from apps.tokens.bounds import NotYours, refuse_excess
from apps.tokens.checks import MAX_NAME
from apps.tokens.errors import InvalidToken
from apps.tokens.field_checks import split_networks
from apps.tokens.models import ApiToken

MAX_NETWORKS_TEXT = 4096
PRESETS_DAYS = 90
"""How long a token lives unless its maker says otherwise."""


class TokenForm(forms.ModelForm):
    """A new token. An existing one has no form: it is revoked, and another is made."""

    held: frozenset[Right] = frozenset()
    username = ""
    """Who fills it in, and what they may; set by the page."""

    name = forms.CharField(
        max_length=MAX_NAME,
        widget=CheckedText(attrs={"autocomplete": "off"}, kind="token_name"),
        help_text="What uses it, such as backup-script.",
        error_messages={"required": "A token needs a name."},
    )
    rights = forms.MultipleChoiceField(
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="To write something is to read it as well. Those that you have not yourself are not offered.",
        error_messages={"required": "A token needs at least one right."},
    )
    owner = forms.ChoiceField(
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text="The token never may more than this user, and does not work while they are disabled.",
    )
    expires_at = forms.SplitDateTimeField(
        label="Expires",
        required=False,
        widget=CheckedMoment(kind="moment"),
        help_text="In UTC. Left empty, it never expires.",
    )
    networks = forms.CharField(
        required=False,
        max_length=MAX_NETWORKS_TEXT,
        widget=CheckedTextarea(attrs={"rows": 3, "spellcheck": "false", "class": "alknet-mono"}, kind="networks"),
        help_text="From where it may be used, one on a line, such as 10.0.0.0/8. Left empty: from everywhere.",
    )

    class Meta:
        model = ApiToken
        fields = ["name"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rights = [(str(right), str(right)) for right in Right if right in self.held]
        cast("forms.MultipleChoiceField", self.fields["rights"]).choices = rights
        cast("forms.ChoiceField", self.fields["owner"]).choices = self._owners()
        self.initial.setdefault("owner", self.username)
        self.initial.setdefault("expires_at", timezone.now() + timedelta(days=PRESETS_DAYS))

    def clean_expires_at(self) -> int | None:
        """In unix seconds."""
        moment = self.cleaned_data["expires_at"]
        return None if moment is None else int(moment.timestamp())

    def clean_networks(self) -> list[str]:
        return split_networks(self.cleaned_data["networks"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                values = self.values()
                refuse_excess(rights=values["rights"], owner=values["owner"], held=self.held, username=self.username)
                services.plan_token(**values)
            except InvalidToken as error:
                show_errors(self, error)
            except NotYours as error:
                self.add_error("owner", str(error))
        return cleaned

    def values(self) -> dict[str, Any]:
        """What was typed, as `create_token` takes it."""
        return {name: self.cleaned_data[name] for name in ("name", "rights", "owner", "expires_at", "networks")}

    def validate_unique(self) -> None:
        """The id is not made yet."""

    def _owners(self) -> list[tuple[str, str]]:
        if Right.USERS_WRITE not in self.held:
            return [(self.username, self.username)]
        return [("", "Nobody: it stands by itself"), *((user.username, user.username) for user in list_users())]
