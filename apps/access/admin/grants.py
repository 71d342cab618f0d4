"""The panel's pages of grants: given, listed, revoked; never changed. Every write goes through the services."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin import SimpleListFilter
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.access import selectors, services
from apps.access.forms import GrantForm, TesterForm
from apps.access.models import Grant
from apps.access.services.grants import OBJECT_TYPE
from apps.audit.actors import user_actor
from apps.audit.model_admin import AuditedModelAdmin
from apps.locks.words import end_words

_FACTS = ["peer_id", "gives", "until", "reason", "created_by", "created_at"]


class StateFilter(SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("holds", "In force"), ("ended", "Has ended")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Grant]) -> QuerySet[Grant]:
        if self.value() == "holds":
            return queryset.filter(pk__in=selectors.grants_in_force().values("pk"))
        return queryset.filter(pk__in=selectors.ended_grants().values("pk")) if self.value() == "ended" else queryset


@admin.register(Grant)
class GrantAdmin(AuditedModelAdmin):
    object_type = OBJECT_TYPE
    name_field = "id"
    form = GrantForm
    list_per_page = 50
    list_display = ["peer_id", "gives", "until", "reason", "created_by"]
    list_filter = [StateFilter]
    search_fields = ["peer_id", "scopes", "resource", "reason"]
    search_help_text = "Peer, scope, resource or reason"

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        if obj is not None:
            return [(None, {"fields": _FACTS})]
        fields = ["peer_id", "scopes", "resource_type", "resource", "lasts", "reason"]
        text = "Exactly this, and no longer. What is to last belongs to the peer itself."
        return [(None, {"fields": fields, "description": text})]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return _FACTS if obj else []

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Grant, form: ModelForm, change: Any) -> None:
        wish = form.wish()  # type: ignore[attr-defined] # it is a GrantForm
        obj.pk = services.grant_access(actor=user_actor(request.user), **wish).pk
        obj.refresh_from_db()

    def response_add(self, request: HttpRequest, obj: Grant, post_url_continue: str | None = None) -> HttpResponse:
        """From the tester back to the tester, which answers the same question again."""
        self.message_user(request, f"Granted: {obj}.", messages.SUCCESS)
        asked = QueryDict(request.POST.get("asked", ""))
        if not asked:
            return HttpResponseRedirect(reverse("admin:access_grant_changelist"))
        known = {name: asked[name] for name in TesterForm.base_fields if asked.get(name)}
        return HttpResponseRedirect(f"{reverse('access_tester')}?{urlencode(known)}")

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """A grant is given, and then there is nothing to go on editing."""
        one_button = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().render_change_form(request, context | one_button, *args, **kwargs)

    def delete_model(self, request: HttpRequest, obj: Grant) -> None:
        services.revoke_grants(actor=user_actor(request.user), ids=[obj.pk])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Grant]) -> None:
        services.revoke_grants(actor=user_actor(request.user), ids=queryset.values_list("pk", flat=True))

    @admin.display(description="has")
    def gives(self, row: Grant) -> str:
        return row.gives

    @admin.display(description="until", ordering="expires_at")
    def until(self, row: Grant) -> SafeString:
        holds = row.holds()
        tone = "alknet-nowrap" if holds else "alknet-nowrap alknet-ended"
        return format_html('<span class="{}">{}</span>', tone, end_words(row.expires_at, holds=holds))
