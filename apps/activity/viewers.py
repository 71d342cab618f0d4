"""Whose session a socket belongs to, asked anew each time: a session ends, a user is disabled, a right is taken."""

from http.cookies import CookieError, SimpleCookie
from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest

MAX_COOKIES = 4096
"""Characters of the cookies that are read."""


def session_key(cookies: str) -> str | None:
    """The key of the session in a Cookie header."""
    try:
        morsel = SimpleCookie(cookies[:MAX_COOKIES]).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return None
    return morsel.value if morsel is not None and morsel.value else None


def viewer(key: str) -> int | None:
    """The id of the user of a session, if they may look at what happens now; else None. Asks the database."""
    from apps.accounts.rights import Right  # noqa: PLC0415 - for one manner of importing here
    from apps.accounts.selectors import rights_of  # noqa: PLC0415 - the application is imported before its models are

    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    user = get_user(request)
    if user.is_authenticated and Right.ACTIVITY_READ in rights_of(user):
        return int(user.pk)
    return None
