"""The form of the set-up link."""

from typing import Any

from django.contrib.auth.forms import BaseUserCreationForm
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget


class SetupForm(BaseUserCreationForm):
    """Name and password of the first administrator, judged by Django's password validators."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name, password, again = self.fields["username"], self.fields["password1"], self.fields["password2"]
        name.widget = UnfoldAdminTextInputWidget(attrs={"autofocus": True, "autocomplete": "username"})
        for field in (password, again):
            field.widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
        name.label, name.help_text = "Username", ""
        password.help_text = "At least 8 characters, not only digits, and none of the common ones."
        again.label, again.help_text = "Password again", ""
