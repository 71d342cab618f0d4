"""Forms that show what saving them takes away, and save it when that is agreed to.

The first time that such a form is sent it comes back with the list, and with a digest of it. Sent again with this
digest, it is saved; where anything that the list was made of is another by then, the list is shown anew.
"""

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.crypto import constant_time_compare, salted_hmac

from apps.peers.impact import Impact

FIELD = "agreed"
ASK = "Nothing is saved yet. Saving takes away what is listed here."


class AskingForm:
    """What a form, or a set of forms, has besides: `ask`, for the end of `clean`.

    The page shows `loss`, where there is one (templates/peers/loss.html).
    """

    data: Mapping[str, Any]
    loss: Impact | None = None
    agreed = ""

    def ask(self, found: Impact, subject: Any) -> None:
        """Refuse to be saved until this is agreed to. `subject` is JSON of what it is judged by.

        Raises ValidationError.
        """
        self.agreed = agreement(found, subject)
        if found.loses and not constant_time_compare(self.data.get(FIELD, ""), self.agreed):
            self.loss = found
            raise forms.ValidationError(ASK)


def agreement(found: Impact, subject: Any) -> str:
    """64 hex digits that stand for this loss, keyed: the page that carries them tells nothing of the subject."""
    text = json.dumps([subject, found.facts()], sort_keys=True)
    return salted_hmac("alknet.agreed", text, algorithm="sha256").hexdigest()
