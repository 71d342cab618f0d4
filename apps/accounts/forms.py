"""The panel's forms of users. They ask the services what would be refused, and show it."""

from typing import Any

from django import forms
from django.contrib.auth.hashers import is_password_usable
from django.utils.safestring import mark_safe
from unfold.forms import UnfoldReadOnlyPasswordHashWidget, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminSelectWidget

from apps.accounts.errors import Refused
from apps.accounts.rights import Role
from apps.accounts.selectors import role_name
from apps.accounts.services import check_change
from apps.audit.actors import Actor

ROLES = [
    ("", "None: sees nothing"),
    (Role.VIEWER.value, "Viewer: looks at peers, locks and what happens"),
    (Role.AUDITOR.value, "Auditor: looks at everything, and signs the log of changes"),
    (Role.OPERATOR.value, "Operator: changes everything but users"),
    (Role.OWNER.value, "Owner: changes everything"),
]


_ONLY_A_HASH = 'Only a hash is kept. <a href="../password/" class="alknet-link">Set another password</a>.'


class _NoHash(UnfoldReadOnlyPasswordHashWidget):
    """Whether there is a password: parts of its hash tell nobody anything."""

    def get_context(self, name: str, value: str | None, attrs: dict[str, Any] | None) -> dict[str, Any]:
        said = "Set" if value and is_password_usable(value) else "None"
        return {**super().get_context(name, value, attrs), "summary": [{"label": said}]}


class _WithRole(forms.Form):
    role = forms.ChoiceField(choices=ROLES, required=False, widget=UnfoldAdminSelectWidget)

    def chosen_role(self) -> Role | None:
        chosen = self.cleaned_data.get("role")
        return Role(chosen) if chosen else None


class NewUserForm(UserCreationForm, _WithRole):
    """A name, a password and a role."""


class UserForm(UserChangeForm, _WithRole):
    """What is changed of a user: the role, and whether they may sign in. A name stays, since the log knows it."""

    class Meta(UserChangeForm.Meta):
        help_texts = {
            "username": "It stays: the log of changes knows people by it.",
            "is_active": "Without it the user is signed out at once, and may not sign in.",
        }

    actor: Actor
    """Who fills it in; set by the page."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["role"] = role_name(self.instance) or ""
        if "password" in self.fields:
            self.fields["password"].widget = _NoHash()
            self.fields["password"].help_text = mark_safe(_ONLY_A_HASH)  # noqa: S308 - it is a constant

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors and {"role", "is_active"} <= set(self.fields):
            self._look(enabled=cleaned["is_active"])
        return cleaned

    def _look(self, *, enabled: bool) -> None:
        name = self.instance.get_username()
        try:
            check_change(actor=self.actor, username=name, role=self.chosen_role(), enabled=enabled)
        except Refused as error:
            self.add_error(None, str(error))
