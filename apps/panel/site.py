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
        return super().login(request, {**(extra_context or {}), "set_up": _somebody_may_sign_in()})

    def app_index(self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None) -> Any:
        """Under the side bar's word for the app, without Django's “administration” after it."""
        from django.apps import apps  # noqa: PLC0415 - the site is made before any app is

        known = {config.label: str(config.verbose_name) for config in apps.get_app_configs()}
        return super().app_index(request, app_label, {"title": known.get(app_label), **(extra_context or {})})

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Users who change their own password leave an audit row too."""
        from apps.audit.actors import user_actor  # noqa: PLC0415 - the site is made before any model is
        from apps.audit.services import Change, record  # noqa: PLC0415 - the same

        with transaction.atomic():
            response = super().password_change(request, extra_context)
            if request.method == "POST" and response.status_code == 302:
                actor = user_actor(request.user)
                change = Change("user.changed", "user", actor.name, after={"password": "set"})
                record(actor=actor, changes=[change])
        return response


def _somebody_may_sign_in() -> bool:
    from django.contrib.auth.models import User  # noqa: PLC0415 - the site is made before any model is

    return User.objects.filter(is_active=True, is_staff=True).exists()
