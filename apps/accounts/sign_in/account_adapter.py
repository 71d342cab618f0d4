"""What django-allauth is told of accounts here: nobody signs up, nothing is mailed, and failures are counted by us."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from django.http import HttpRequest
from django.urls import reverse

from apps.accounts.sign_in import lockout, proof

_SILENT = frozenset({"account/messages/logged_in.txt", "account/messages/logged_out.txt"})


class AccountAdapter(DefaultAccountAdapter):
    """Set as ACCOUNT_ADAPTER."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Owners add users, and so does the identity provider where the settings let it."""
        return False

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return reverse("admin:index")

    def get_logout_redirect_url(self, request: HttpRequest) -> str:
        return reverse("account_login")

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("admin:index")

    def get_client_ip(self, request: HttpRequest) -> str:
        """As the server has it, which believes trusted proxies alone."""
        return lockout.address_of(request)

    def add_message(self, request: HttpRequest, level: int, *args: Any, **kwargs: Any) -> None:
        """To have signed in is plain to see."""
        if not _SILENT & {*args[:1], kwargs.get("message_template")}:
            super().add_message(request, level, *args, **kwargs)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """No mail leaves this appliance."""

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """The audit log has it."""

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        with lockout.attempt(request, str(credentials.get("username", ""))):
            return super().authenticate(request, **credentials)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        lockout.failed(request, str(credentials.get("username", "")))

    def _rollback_login_failed_rl_usage(self) -> None:
        """A password that was right is no end of it: the count is dropped once somebody is signed in."""

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        return not proof.is_recent(context.request)
