"""What takes a fresh proof of who one is: acts that cannot be undone, and those that give or take access to the panel.

The proof is asked for before the form, so that nothing that was typed is lost or stored; and again where the form was
sent later than the proof holds.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode

from apps.accounts.selectors import role_of
from apps.accounts.sign_in import proof

FORM = "form"
"""A page that is there for this act alone: it is not even shown."""
SENT = "sent"
"""A page that shows something besides: the proof is asked for where it is sent."""
DELETES = "delete_selected"
"""A list: of what is sent from it, the removal of the selected."""

STEP_UP: Mapping[str, str] = MappingProxyType(
    {
        "admin:peers_peer_delete": FORM,
        "admin:peers_peer_changelist": DELETES,
        "admin:peers_peer_files": SENT,
        "admin:peers_peer_issue_token": FORM,
        "admin:peers_peer_clear_token": FORM,
        "admin:peers_apikey_add": FORM,
        "admin:peers_apikey_delete": FORM,
        "admin:peers_apikey_changelist": DELETES,
        "admin:tokens_apitoken_add": FORM,
        "admin:tokens_apitoken_delete": FORM,
        "admin:tokens_apitoken_changelist": DELETES,
        "admin:locks_lock_lock_everything": FORM,
        "admin:credentials_credential_add": FORM,
        "admin:credentials_credential_change": SENT,
        "admin:credentials_credential_delete": FORM,
        "admin:credentials_credential_changelist": DELETES,
        "admin:credentials_credential_rotate_all": FORM,
        "admin:backups_backup_download": SENT,
        # Of one's own account. allauth asks for a proof there as well, and would keep what was sent meanwhile.
        "socialaccount_connections": SENT,
        "account_set_password": FORM,
        "mfa_activate_totp": FORM,
        "mfa_deactivate_totp": FORM,
        "mfa_generate_recovery_codes": FORM,
        "mfa_add_webauthn": FORM,
        "mfa_edit_webauthn": FORM,
        "mfa_remove_webauthn": FORM,
        "admin:auth_user_add": FORM,
        "admin:auth_user_change": SENT,
        "admin:auth_user_delete": FORM,
        "admin:auth_user_changelist": DELETES,
        "admin:auth_user_password_change": FORM,
        "admin:auth_user_end_sessions": FORM,
        "admin:auth_user_reset_factors": FORM,
    }
)
"""The acts, by the names of their URLs."""


class StepUpMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_view(self, request: HttpRequest, *_: Any) -> HttpResponse | None:
        """Ask for a proof, or let the view answer. Whoever has no role is refused by the view."""
        match = request.resolver_match
        how = STEP_UP.get(match.view_name) if match is not None else None
        if how is None or not _is_act(request, how) or not _may_prove(request) or proof.is_recent(request):
            return None
        if request.method == "POST":
            messages.warning(request, "Nothing was changed: confirm who you are, and then do it again.")
        return ask(request, _way_back(request))


def _may_prove(request: HttpRequest) -> bool:
    """Of the panel's pages only those with a role see any; one's own account is everybody's."""
    match = request.resolver_match
    own = match is not None and not match.view_name.startswith("admin:")
    return request.user.is_authenticated and (own or role_of(request.user) is not None)


def ask(request: HttpRequest, back: str) -> HttpResponse:
    """To the page that asks, and from there back. Raises PermissionDenied where there is no way to prove it."""
    methods = get_adapter(request).get_reauthentication_methods(request.user)
    if not methods:
        raise PermissionDenied
    return HttpResponseRedirect(f"{methods[0]['url']}?{urlencode({'next': back})}")


def _is_act(request: HttpRequest, how: str) -> bool:
    if how == DELETES:
        # Of several that a form names, Django takes the one that `index` says.
        return request.method == "POST" and not _ACTIONS.isdisjoint(request.POST.getlist("action"))
    return how == FORM or request.method == "POST"


def _way_back(request: HttpRequest) -> str:
    """A button of a list has no page of its own."""
    match = request.resolver_match
    if match is not None and match.view_name == "admin:backups_backup_download":
        return reverse("admin:backups_backup_changelist")
    return request.get_full_path()


_ACTIONS = frozenset({"delete_selected", "rotate_selected"})
