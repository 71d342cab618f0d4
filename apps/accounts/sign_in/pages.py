"""Pages of one's own account that django-allauth has not, or not in this way."""

import logging
from collections.abc import Callable

from allauth.socialaccount.providers.openid_connect import views as openid_connect
from allauth.usersessions.models import UserSession
from allauth.utils import get_request_param
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from apps.accounts.selectors import lacks_second_factor, role_of
from apps.accounts.sign_in import proof, step_up
from apps.accounts.sign_in.sessions import end_sessions
from apps.audit.actors import user_actor

OTHERS = "others"

logger = logging.getLogger(__name__)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required(login_url="account_login")
def sessions(request: HttpRequest) -> HttpResponse:
    """Where one is signed in, with an end to each. POST `end`: the number of a session, or “others”."""
    mine = UserSession.objects.purge_and_list(request.user)
    if request.method != "POST":
        return TemplateResponse(request, "usersessions/usersession_list.html", {"sessions": _newest_first(mine)})
    wanted = request.POST.get("end", "")
    chosen = [one for one in mine if not one.is_current() and wanted in (OTHERS, str(one.pk))]
    count = end_sessions(actor=user_actor(request.user), username=request.user.get_username(), sessions=chosen)
    said = f"Ended {count} session{'' if count == 1 else 's'}." if count else "That session has ended already."
    messages.add_message(request, messages.SUCCESS if count else messages.INFO, said)
    return HttpResponseRedirect(reverse("usersessions_list"))


def oidc_login(request: HttpRequest, provider_id: str) -> HttpResponse:
    """To the identity provider. To tie an identity to one's account takes a fresh proof."""
    if get_request_param(request, "process") == "connect" and not proof.is_recent(request):
        return step_up.ask(request, reverse("socialaccount_connections"))
    return _asked(request, openid_connect.login, provider_id)


def oidc_callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """The way back from there."""
    return _asked(request, openid_connect.callback, provider_id)


def _asked(request: HttpRequest, view: Callable[..., HttpResponse], provider_id: str) -> HttpResponse:
    """A provider that is down, or answers what none should, is no mistake of this panel's."""
    try:
        return view(request, provider_id)
    except (OSError, KeyError, ValueError) as error:
        logger.warning("the identity provider could not be asked: %s", type(error).__name__)
        return TemplateResponse(request, "socialaccount/authentication_error.html", status=502)


@require_safe
@never_cache
@login_required(login_url="account_login")
def no_access(request: HttpRequest) -> HttpResponse:
    """For whoever is signed in and may see nothing."""
    if role_of(request.user) is not None:
        return HttpResponseRedirect(reverse("admin:index"))
    if lacks_second_factor(request.user):
        messages.warning(request, "Your role takes a second factor. Add one here, and the panel is open to you.")
        return HttpResponseRedirect(reverse("mfa_index"))
    return TemplateResponse(request, "accounts/no_access.html", {"title": "No access"}, status=403)


def _newest_first(found: list[UserSession]) -> list[UserSession]:
    return sorted(found, key=lambda one: one.created_at, reverse=True)
