"""Views outside the admin, each with the right that it takes."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url

from apps.accounts.rights import Right
from apps.accounts.selectors import rights_of, role_of

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


def for_members(view: View) -> View:
    """Whoever has no role is asked to sign in."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if role_of(request.user) is None:
            return redirect_to_login(request.get_full_path(), resolve_url(settings.LOGIN_URL))
        return view(request, *args, **kwargs)

    return guarded  # type: ignore[return-value] # the view with a look at the role before it


def requires(right: Right) -> Callable[[View], View]:
    """Whoever has no role is asked to sign in; who has one without the right is refused."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if right not in rights_of(request.user):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return for_members(guarded)  # type: ignore[return-value] # the view with a look at the right before it

    return decorate
