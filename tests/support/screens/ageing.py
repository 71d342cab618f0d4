"""Have the proofs of who one is that lie in the sessions of a running panel be older than what takes a fresh one.

Run as `python -m tests.support.screens.ageing` with ALKNET_DATA set.
"""

import django

django.setup()

from django.conf import settings  # noqa: E402 - after the apps are there
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.contrib.sessions.models import Session  # noqa: E402


def age() -> None:
    for key in Session.objects.values_list("session_key", flat=True):
        session = SessionStore(key)
        for record in session.get("account_authentication_methods", []):
            record["at"] -= settings.STEP_UP_SECONDS + 1
        session.save()


if __name__ == "__main__":
    age()
