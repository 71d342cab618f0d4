"""What the services refuse, shown on the form that asked them."""

from collections.abc import Mapping

from django.forms import BaseForm

from node.core.errors import InvalidFields

_SAME: Mapping[str, str] = {}


def show_errors(form: BaseForm, error: InvalidFields, names: Mapping[str, str] = _SAME) -> None:
    """Each message at the field that it is about, and at the top where the form has none of that name.

    `names` has those fields that the form calls otherwise.
    """
    for name, texts in error.errors.items():
        field = names.get(name, name)
        form.add_error(field if field in form.fields else None, texts)
