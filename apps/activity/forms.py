"""The filters of the list of events, as an address carries them."""

import re
from datetime import datetime
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from apps.activity.filters import EventFilters
from apps.activity.words import KINDS

MAX_TEXT = 100
_LOCAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?", re.ASCII)


class _Moment(UnfoldAdminTextInputWidget):
    """The browser's own field for a day and a time. Times are in UTC, as its label says."""

    input_type = "datetime-local"

    def format_value(self, value: Any) -> str | None:
        """As HTML writes it; of what a browser would not show, nothing."""
        text = f"{value:%Y-%m-%dT%H:%M:%S}" if isinstance(value, datetime) else str(value or "")
        return text if _LOCAL.fullmatch(text) else None


class FiltersForm(forms.Form):
    """Empty fields do not narrow. `filters` are those of the fields that are right."""

    kind = forms.ChoiceField(
        label="What",
        required=False,
        choices=[("", "Everything"), *((kind, words.title) for kind, words in KINDS.items())],
        widget=UnfoldAdminSelectWidget,
    )
    peer = forms.CharField(label="Peer", required=False, max_length=255, widget=UnfoldAdminTextInputWidget)
    alpn = forms.CharField(label="Protocol", required=False, max_length=255, widget=UnfoldAdminTextInputWidget)
    text = forms.CharField(label="Text", required=False, max_length=MAX_TEXT, widget=UnfoldAdminTextInputWidget)
    since = forms.DateTimeField(label="From (UTC)", required=False, widget=_Moment(attrs={"step": 1}))
    until = forms.DateTimeField(label="Before (UTC)", required=False, widget=_Moment(attrs={"step": 1}))

    @property
    def filters(self) -> EventFilters:
        given = self.cleaned_data
        kind = given.get("kind") or ""
        return EventFilters(
            kinds=(kind,) if kind else (),
            peer_id=given.get("peer") or "",
            alpn=given.get("alpn") or "",
            text=given.get("text") or "",
            since=given.get("since"),
            until=given.get("until"),
        )

    @property
    def narrowing(self) -> int:
        """How many fields narrow."""
        return sum(bool(value) for value in self.cleaned_data.values())
