"""The admin site that is the panel."""

from typing import TYPE_CHECKING, Any

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse

if TYPE_CHECKING:  # unfold has no types; its site is Django's with another look
    from django.contrib.admin import AdminSite as UnfoldAdminSite
else:
    from unfold.sites import UnfoldAdminSite


class PanelSite(UnfoldAdminSite):
    index_title = "Dashboard"

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Without the theme's colours, of which it makes a style within the page; static/panel/theme.css has them."""
        return {**super().each_context(request), "colors": None}

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Django's admin sends here whoever may not see a page; from here they go where something can be done."""
        if self.has_permission(request):
            return redirect("admin:index")
        if request.user.is_authenticated:
            return redirect("account_no_access")
        return redirect_to_login(
            request.GET.get(REDIRECT_FIELD_NAME) or reverse("admin:index"), reverse("account_login")
        )

    def has_permission(self, request: HttpRequest) -> bool:
        """Whoever has a role sees the first page, and of the others those that it gives."""
        from apps.accounts.selectors import role_of  # noqa: PLC0415 - the site is made before any model is

        return role_of(request.user) is not None

    def app_index(self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None) -> Any:
        """Under the side bar's word for the app, without Django's “administration” after it."""
        from django.apps import apps  # noqa: PLC0415 - the site is made before any app is

        known = {config.label: str(config.verbose_name) for config in apps.get_app_configs()}
        return super().app_index(request, app_label, {"title": known.get(app_label), **(extra_context or {})})

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Where the theme's menu leads."""
        return redirect("account_change_password")
