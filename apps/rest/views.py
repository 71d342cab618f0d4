"""What is below /api/ and no route, and who may see the page that shows the routes."""

from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url

from apps.accounts.selectors import role_of

View = Callable[..., HttpResponseBase]


def nothing_here(request: HttpRequest, *_: Any) -> NoReturn:
    """The panel answers every other path by asking to sign in: a program is told that there is nothing."""
    raise Http404


def for_members(view: View) -> View:
    """The page sends requests as whoever looks at it: who has no role in the panel is asked to sign in."""

    @wraps(view, assigned=())
    def guarded(request: HttpRequest, *args: Any, **values: Any) -> HttpResponseBase:
        if role_of(request.user) is None:
            return redirect_to_login(request.get_full_path(), resolve_url(settings.LOGIN_URL))
        return view(request, *args, **values)

    return guarded
