"""The panel's pages of API keys: made, shown once, listed, removed; never changed."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse

from apps.audit.actors import user_actor
from apps.peers import services
from apps.peers.admin.base import AccessAdmin
from apps.peers.admin.display import expiry_label
from apps.peers.forms import ApiKeyForm
from apps.peers.models import ApiKey

_NEW_KEY = "_alknet_new_key"
"""Where a request keeps the secret it has made until its own answer is written."""


@admin.register(ApiKey)
class ApiKeyAdmin(AccessAdmin):
    object_type = "api_key"
    name_field = "prefix"
    form = ApiKeyForm
    list_display = ["prefix", "description", "scope_list", "expires"]
    search_fields = ["prefix", "description", "scopes"]

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        shown = ["prefix", "description", "scope_list", "expires"] if obj else ["description", "scopes", "expires_at"]
        return [(None, {"fields": shown})]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return ["prefix", "description", "scope_list", "expires"] if obj else []

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Saving leads to the page that shows the secret, and so has one button."""
        one_button = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().render_change_form(request, context | one_button, *args, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ApiKey, form: ApiKeyForm, change: Any) -> None:
        new = services.create_api_key(actor=user_actor(request.user), **form.values())
        obj.prefix = new.entry.prefix
        setattr(request, _NEW_KEY, new.secret)

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        """Show the secret on the answer itself: a redirect would have to carry or to store it."""
        return self.page(request, obj, "peers/secret.html", secret=getattr(request, _NEW_KEY), noun="API key")

    def delete_model(self, request: HttpRequest, obj: ApiKey) -> None:
        services.remove_api_keys(actor=user_actor(request.user), prefixes=[obj.pk])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        services.remove_api_keys(actor=user_actor(request.user), prefixes=queryset.values_list("pk", flat=True))

    @admin.display(description="scopes")
    def scope_list(self, key: ApiKey) -> str:
        return ", ".join(key.entry().scopes) or "none"

    @admin.display(description="expires", ordering="expires_at")
    def expires(self, key: ApiKey) -> str:
        return expiry_label(key.expires_at)
