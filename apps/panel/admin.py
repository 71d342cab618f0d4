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


@admin.register(User)
class PanelUserAdmin(UserAdmin, SelfAuditedModelAdmin):
    object_type = "user"
    name_field = "username"
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    filter_horizontal = ()

    def object_id(self, obj: Any) -> str:
        return str(obj.get_username())

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002 - the parent's name for it
        with transaction.atomic():
            return super().user_change_password(request, id, form_url)


@admin.register(Group)
class PanelGroupAdmin(GroupAdmin, SelfAuditedModelAdmin):
    object_type = "group"
    name_field = "name"
