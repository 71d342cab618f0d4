"""Whether whoever sits at the browser has proven of late who they are: by signing in, or once more since."""

import time

from allauth.account.internal.flows.login import get_authentication_records
from django.conf import settings
from django.http import HttpRequest


def is_recent(request: HttpRequest) -> bool:
    """Within the last `STEP_UP_SECONDS`. A setting of None asks nobody."""
    if settings.STEP_UP_SECONDS is None:
        return True
    records = get_authentication_records(request, request.user)
    return any(0 <= time.time() - record["at"] < settings.STEP_UP_SECONDS for record in records)
