"""What the services refuse lands at the field that it is about, whatever the form calls it, and is never lost."""

from django import forms

from alknet_site.form_errors import show_errors
from node.core.errors import InvalidFields


class Wish(forms.Form):
    name = forms.CharField()
    lasts = forms.CharField()


def test_each_message_is_at_its_field_or_at_the_top() -> None:
    form = Wish({"name": "x", "lasts": "1"})
    assert form.is_valid()
    refused = InvalidFields({"name": ["Too long.", "No."], "seconds": ["Too few."], "hash": ["Taken."]})
    show_errors(form, refused, {"seconds": "lasts"})
    assert form.errors == {"name": ["Too long.", "No."], "lasts": ["Too few."], "__all__": ["Taken."]}
