"""The admin site that is the panel."""

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.http import HttpRequest

if TYPE_CHECKING:  # unfold has no types; its site is Django's with another look
    from django.contrib.admin import AdminSite as UnfoldAdminSite
else:
    from unfold.sites import UnfoldAdminSite


class PanelSite(UnfoldAdminSite):
    index_title = "Dashboard"

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Where nobody can sign in yet, the page leads to the set-up link in place of a form."""
        from apps.accounts.forms import SignInForm  # noqa: PLC0415 - the site is made before any model is

        self.login_form = SignInForm
        return super().login(request, {**(extra_context or {}), "set_up": _somebody_may_sign_in()})

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
        """Users who change their own password leave an audit row too."""
        from apps.accounts.services import note_password  # noqa: PLC0415 - the site is made before any model is
        from apps.audit.actors import user_actor  # noqa: PLC0415 - the same

        with transaction.atomic():
            response = super().password_change(request, extra_context)
            if request.method == "POST" and response.status_code == 302:
                note_password(actor=user_actor(request.user), username=request.user.get_username())
        return response


def _somebody_may_sign_in() -> bool:
    from apps.accounts.selectors import somebody_may_sign_in  # noqa: PLC0415 - the site is made before any model is

    return somebody_may_sign_in()
