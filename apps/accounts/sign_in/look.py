"""What the panel's look needs on the pages under /account/."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from apps.accounts.selectors import role_of, somebody_may_sign_in
from apps.accounts.sign_in.social_adapter import PROVIDER_ID


def account_pages(request: HttpRequest) -> dict[str, Any]:
    """A context processor. Whoever has no role gets no side bar: it would lead nowhere."""
    if not request.path.startswith("/account/") or not hasattr(request, "user"):
        return {}  # a request that was refused before anybody asked whose it is has no user
    context = dict(admin.site.each_context(request))
    if role_of(request.user) is None:
        context["is_nav_sidebar_enabled"] = False
    return context | {"title": "Your account", "set_up": somebody_may_sign_in(), "oidc": _oidc()}


def _oidc() -> dict[str, str] | None:
    oidc = settings.ALKNET.panel.oidc
    return {"url": reverse("openid_connect_login", args=[PROVIDER_ID]), "name": oidc.name} if oidc.issuer else None
