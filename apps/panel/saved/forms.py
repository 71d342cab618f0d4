"""The form of a saved filter: its name, and who has it. What it narrows is the list's own to say."""

from typing import Any

from django import forms
from django.contrib.auth.models import User
from unfold.widgets import UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from alknet_site.form_errors import show_errors
from apps.panel.models import SavedFilter
from apps.panel.saved import services
from apps.panel.saved.selectors import may_share


class SavedFilterForm(forms.ModelForm):
    """A new filter brings its list and its query along, unseen; of one that is there they stay."""

    user: User
    """Whose request it is: each request has a class of its own."""
    list_name = forms.CharField(widget=forms.HiddenInput, required=False)
    query = forms.CharField(widget=forms.HiddenInput, required=False)
    name = forms.CharField(
        max_length=services.MAX_NAME, widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"})
    )
    shared = forms.BooleanField(
        label="For everybody",
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text="Whoever sees the list can choose it. Left off, it is yours alone.",
    )

    class Meta:
        model = SavedFilter
        fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stored = None if self.instance._state.adding else self.instance
        if self._stored is not None:
            self.initial.update(name=self._stored.name, shared=self._stored.shared)
        sent = self.data.get("list_name") or self.initial.get("list_name") or ""
        if not may_share(self.user, self._stored.list_name if self._stored is not None else str(sent)):
            del self.fields["shared"]

    def wish(self) -> dict[str, Any]:
        """What was typed, as the services take it."""
        return {"name": self.cleaned_data.get("name", ""), "shared": self.cleaned_data.get("shared", False)}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self._stored is not None:
            place = {"list_name": self._stored.list_name, "query": self._stored.query, "but": self._stored.pk}
        else:
            place = {name: cleaned.get(name, "") for name in ("list_name", "query")}
        if not self.errors:
            try:
                services.plan_filter(user=self.user, **place, **self.wish())
            except services.InvalidFilter as error:
                show_errors(self, error)
        return cleaned

    def _post_clean(self) -> None:
        """The services have looked at everything, and change the row."""
