"""Sign-in by an identity provider, as the settings name it (`panel.oidc`). What it says of people beyond who they are
is not kept: no address, no picture.
"""

from typing import Any

from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest

from apps.accounts.rights import Role
from apps.accounts.services import note_created
from apps.audit.actors import SYSTEM

PROVIDER, PROVIDER_ID = "openid_connect", "oidc"
"""What allauth calls the protocol, and the one provider in the addresses."""
MAX_SECRET = 4096


class SocialAdapter(DefaultSocialAccountAdapter):
    """Set as SOCIALACCOUNT_ADAPTER."""

    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """The provider of the settings, and none that the database might name."""
        oidc = settings.ALKNET.panel.oidc
        wanted = provider in (None, PROVIDER, PROVIDER_ID) and client_id in (None, oidc.client_id)
        return [_app()] if oidc.issuer and wanted else []

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        sociallogin.email_addresses = []
        sociallogin.account.extra_data = {}
        if not sociallogin.is_existing:
            sociallogin.user.email = sociallogin.user.first_name = sociallogin.user.last_name = ""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return bool(settings.ALKNET.panel.oidc.create_users)

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        """A user of their own, whatever others are called: of a name that is taken, another one is made."""
        role = settings.ALKNET.panel.oidc.role
        with transaction.atomic():
            user: User = super().save_user(request, sociallogin, form)
            note_created(actor=SYSTEM, user=user, role=Role(role) if role else None)
        return user

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """The audit log has it."""


def _app() -> SocialApp:
    oidc = settings.ALKNET.panel.oidc
    return SocialApp(
        provider=PROVIDER,
        provider_id=PROVIDER_ID,
        name=oidc.name,
        client_id=oidc.client_id,
        secret=_secret(),
        settings={"server_url": oidc.issuer},
    )


def _secret() -> str:
    """Read anew for each sign-in, so that a file that was replaced holds at once. Raises OSError."""
    file = settings.ALKNET.panel.oidc.client_secret_file
    if file is None:
        return ""
    with file.open("rb") as opened:
        return str(opened.read(MAX_SECRET).decode().strip())
