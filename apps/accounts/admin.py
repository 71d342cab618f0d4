"""The panel's pages of its users. Every write goes through the services."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.forms import AdminPasswordChangeForm

from apps.accounts import selectors, services
from apps.accounts.filters import RoleFilter
from apps.accounts.forms import NewUserForm, UserForm
from apps.accounts.sign_in.sessions import end_sessions, reset_second_factors
from apps.audit.actors import user_actor
from apps.audit.model_admin import AuditedModelAdmin, page_action

admin.site.unregister([User, Group])
admin.site.unregister([EmailAddress, Authenticator, UserSession, SocialAccount, SocialApp, SocialToken])

ENDS_SESSIONS = "Every browser in which they are signed in has to sign in again."
RESETS_FACTORS = (
    "Their apps, passkeys and recovery codes are taken away: their password alone signs them in, until they add new "
    "ones. For a phone that was lost; ask yourself how you know that it is they who ask."
)

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
    actions_detail = ["end_sessions", "reset_factors"]
    fieldsets = [
        (None, {"fields": ["username", "role", "is_active", "password"]}),
        ("Times", {"fields": ["last_login", "date_joined"]}),
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

    @page_action("End sessions", url_path="end-sessions", icon="logout")
    def end_sessions(self, request: HttpRequest, object_id: str) -> HttpResponse:
        user = self._user(request, object_id)
        if request.method != "POST":
            return self._confirm(request, user, f"End every session of {user}", ENDS_SESSIONS)
        count = end_sessions(actor=user_actor(request.user), username=user.get_username())
        return self._done(request, user, f"Ended {count} session{'' if count == 1 else 's'} of {user}.")

    @page_action("Reset second factors", url_path="reset-second-factors", icon="phonelink_erase")
    def reset_factors(self, request: HttpRequest, object_id: str) -> HttpResponse:
        user = self._user(request, object_id)
        if request.method != "POST":
            return self._confirm(request, user, f"Reset the second factors of {user}", RESETS_FACTORS)
        count = reset_second_factors(actor=user_actor(request.user), username=user.get_username())
        return self._done(request, user, f"Took {count} second factor{'' if count == 1 else 's'} of {user} away.")

    def _user(self, request: HttpRequest, object_id: str) -> Any:
        found = self.get_object(request, unquote(object_id))
        if found is None:
            raise Http404
        return found

    def _confirm(self, request: HttpRequest, user: Any, title: str, words: str) -> HttpResponse:
        page = {"title": title, "words": words, "opts": self.opts, "back": self._page(user)}
        return TemplateResponse(request, "accounts/confirm.html", self.admin_site.each_context(request) | page)

    def _done(self, request: HttpRequest, user: Any, said: str) -> HttpResponse:
        self.message_user(request, said, messages.SUCCESS)
        return HttpResponseRedirect(self._page(user))

    def _page(self, user: Any) -> str:
        return reverse("admin:auth_user_change", args=[quote(user.pk)])

    @admin.display(description="role", ordering="member__role")
    def role(self, user: Any) -> str:
        return selectors.role_name(user) or "none"
