"""The panel's pages of API tokens: made, shown once, listed, revoked; never changed."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from apps.accounts.selectors import rights_of
from apps.audit.actors import user_actor
from apps.audit.model_admin import AuditedModelAdmin
from apps.tokens import selectors, services
from apps.tokens.bounds import NotYours, refuse_others
from apps.tokens.field_checks import offer_fields
from apps.tokens.forms import TokenForm
from apps.tokens.models import ApiToken
from apps.tokens.words import expiry_words, last_use_words

_NEW_TOKEN = "_alknet_new_token"  # noqa: S105 - the name of an attribute
"""Where a request keeps the text that it has made until its own answer is written."""
_SHOWN = ["name", "id", "rights_list", "owner_name", "expires", "networks_list", "used", "created_at", "created_by"]


@admin.register(ApiToken)
class TokenAdmin(AuditedModelAdmin):
    object_type = "token"
    name_field = "id"
    form = TokenForm
    list_per_page = 50
    list_display = ["name", "id", "owner_name", "rights_list", "expires", "used"]
    search_fields = ["name", "id", "owner"]
    search_help_text = "Name, id or owner"

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        if obj is not None:
            return [(None, {"fields": _SHOWN})]
        return [(None, {"fields": ["name", "rights"]}), ("Bounds", {"fields": ["owner", "expires_at", "networks"]})]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return _SHOWN if obj else []

    def get_form(self, request: HttpRequest, obj: Model | None = None, *args: Any, **kwargs: Any) -> Any:
        """The form offers what whoever fills it in may give."""
        made = super().get_form(request, obj, *args, **kwargs)
        return type(made.__name__, (made,), {"held": rights_of(request.user), "username": request.user.get_username()})

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A token of somebody else takes an owner of the panel."""
        return super().has_delete_permission(request, obj) and (obj is None or _is_theirs(request, obj))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Saving leads to the page that shows the token, and so has one button."""
        one_button = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().render_change_form(request, context | one_button, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: ApiToken, form: ModelForm, change: Any) -> None:
        new = services.create_token(actor=user_actor(request.user), **form.values())  # type: ignore[attr-defined]
        obj.id = new.facts.id
        setattr(request, _NEW_TOKEN, new.text)

    def response_add(self, request: HttpRequest, obj: ApiToken, post_url_continue: str | None = None) -> HttpResponse:
        """Show the token on the answer itself: a redirect would have to carry or to store it."""
        context = {
            **self.admin_site.each_context(request),
            "title": str(obj),
            "opts": self.opts,
            "secret": getattr(request, _NEW_TOKEN),
            "origin": f"{request.scheme}://{request.get_host()}",
        }
        return TemplateResponse(request, "tokens/secret.html", context)

    def delete_model(self, request: HttpRequest, obj: ApiToken) -> None:
        services.revoke_tokens(actor=user_actor(request.user), ids=[obj.pk])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        services.revoke_tokens(actor=user_actor(request.user), ids=queryset.values_list("pk", flat=True))

    @admin.display(description="rights")
    def rights_list(self, token: ApiToken) -> str:
        return ", ".join(token.rights)

    @admin.display(description="owner", ordering="owner")
    def owner_name(self, token: ApiToken) -> str:
        return token.owner or "nobody"

    @admin.display(description="networks")
    def networks_list(self, token: ApiToken) -> str:
        return ", ".join(token.networks) or "everywhere"

    @admin.display(description="expires", ordering="expires_at")
    def expires(self, token: ApiToken) -> str:
        return expiry_words(selectors.facts(token))

    @admin.display(description="last used", ordering="last_used_at")
    def used(self, token: ApiToken) -> str:
        return last_use_words(selectors.facts(token))


def _is_theirs(request: HttpRequest, token: ApiToken) -> bool:
    try:
        refuse_others(owners=[token.owner], held=rights_of(request.user), username=request.user.get_username())
    except NotYours:
        return False
    return True


offer_fields()
