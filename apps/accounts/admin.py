"""The panel's pages of its users. Every write goes through the services."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from unfold.forms import AdminPasswordChangeForm

from apps.accounts import selectors, services
from apps.accounts.filters import RoleFilter
from apps.accounts.forms import NewUserForm, UserForm
from apps.audit.actors import user_actor
from apps.audit.model_admin import AuditedModelAdmin

admin.site.unregister([User, Group])
admin.site.unregister([EmailAddress, Authenticator, UserSession, SocialAccount, SocialApp, SocialToken])

_FIXED = ["username", "last_login", "date_joined"]
_OWN = ["role", "is_active"]


@admin.register(User)
class PanelUserAdmin(UserAdmin, AuditedModelAdmin):
    object_type = "user"
    name_field = "username"
    form = UserForm
    add_form = NewUserForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "role", "is_active", "last_login"]
    list_filter = [RoleFilter, "is_active"]
    search_fields = ["username"]
    search_help_text = "Name"
    filter_horizontal = ()
    list_select_related = ["member"]
    fieldsets = [
        (None, {"fields": ["username", "role", "is_active", "password"]}),
        ("Times (UTC)", {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [(None, {"fields": ["username", "role", "usable_password", "password1", "password2"]})]

    def object_id(self, obj: Any) -> str:
        return str(obj.get_username())

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return []
        return [*_FIXED, *_OWN] if obj == request.user else _FIXED

    def get_form(self, request: HttpRequest, obj: Any = None, change: Any = False, **kwargs: Any) -> Any:  # noqa: FBT002 - as declared
        form = super().get_form(request, obj, change=change, **kwargs)
        form.actor = user_actor(request.user)  # type: ignore[attr-defined] # a class of this request's own
        return form

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may remove users is an owner; so without oneself there is one left."""
        return obj != request.user and super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: Any) -> None:
        actor, data = user_actor(request.user), form.cleaned_data
        if not change:
            password = data["password1"] if data.get("usable_password", True) else None
            name, role = data["username"], form.chosen_role()  # type: ignore[attr-defined] # it is a NewUserForm
            obj.pk = services.create_user(actor=actor, username=name, role=role, password=password or None).pk
        elif "role" in form.fields:
            role = form.chosen_role()  # type: ignore[attr-defined] # it is a UserForm
            services.change_user(actor=actor, username=obj.get_username(), role=role, enabled=data["is_active"])

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        services.remove_users(actor=user_actor(request.user), usernames=[obj.get_username()])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        names = list(queryset.values_list("username", flat=True))
        services.remove_users(actor=user_actor(request.user), usernames=names)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002 - the parent's name for it
        with transaction.atomic():
            response = super().user_change_password(request, id, form_url)
            if request.method == "POST" and response.status_code == 302:
                user = User.objects.get(pk=id)
                services.note_password(actor=user_actor(request.user), username=user.get_username())
        return response

    @admin.display(description="role", ordering="member__role")
    def role(self, user: Any) -> str:
        return selectors.role_name(user) or "none"
