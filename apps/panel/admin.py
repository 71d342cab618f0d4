"""Who may use the panel: users and groups of Django, in the panel's look, with audit rows."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from apps.audit.model_admin import SelfAuditedModelAdmin

admin.site.unregister(User)
admin.site.unregister(Group)


RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")
"""The fields of a user that give rights. Who may change users, but is no superuser, could give themselves all."""


@admin.register(User)
class PanelUserAdmin(UserAdmin, SelfAuditedModelAdmin):
    """Superusers, and every user's rights, are changed by superusers only."""

    object_type = "user"
    name_field = "username"
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    filter_horizontal = ()

    def object_id(self, obj: Any) -> str:
        return str(obj.get_username())

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may_touch(request, obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may_touch(request, obj) and super().has_delete_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fixed = () if _is_superuser(request) else RIGHTS
        return [*super().get_readonly_fields(request, obj), *fixed]

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002 - the parent's name for it
        with transaction.atomic():
            return super().user_change_password(request, id, form_url)


@admin.register(Group)
class PanelGroupAdmin(GroupAdmin, SelfAuditedModelAdmin):
    """A group gives rights to its users: superusers change it, others may see it."""

    object_type = "group"
    name_field = "name"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request)


def _is_superuser(request: HttpRequest) -> bool:
    """Whether the signed-in user is one; an account that was switched off has no rights at all."""
    return request.user.is_active and request.user.is_superuser


def _may_touch(request: HttpRequest, user: Any) -> bool:
    return user is None or not user.is_superuser or _is_superuser(request)
