"""The session of whoever has just chosen their password by the set-up link."""

from allauth.account.internal.flows.login import record_authentication
from allauth.usersessions.models import UserSession
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.http import HttpRequest


def begin(request: HttpRequest, user: User) -> None:
    """Signed in, as if by that password; the row that tells of the new owner tells of this as well."""
    request.session.flush()
    login(request, user, backend="apps.accounts.backends.RoleBackend")
    record_authentication(request, user, method="password")
    UserSession.objects.create_from_request(request)
