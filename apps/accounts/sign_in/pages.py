"""Pages of one's own account that django-allauth has not, or not in this way."""

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from apps.accounts.selectors import role_of
from apps.accounts.sign_in.sessions import end_sessions
from apps.audit.actors import user_actor

OTHERS = "others"


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


@require_safe
@never_cache
@login_required(login_url="account_login")
def no_access(request: HttpRequest) -> HttpResponse:
    """For whoever is signed in and may see nothing."""
    if role_of(request.user) is not None:
        return HttpResponseRedirect(reverse("admin:index"))
    return TemplateResponse(request, "accounts/no_access.html", {"title": "No access"}, status=403)


def _newest_first(found: list[UserSession]) -> list[UserSession]:
    return sorted(found, key=lambda one: one.created_at, reverse=True)
