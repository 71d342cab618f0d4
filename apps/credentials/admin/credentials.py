"""The panel's pages of credentials: which there are, and the way in for a content. There is no way out."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import NON_FIELD_ERRORS
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from apps.audit.actors import user_actor
from apps.audit.model_admin import AuditedModelAdmin
from apps.credentials import services
from apps.credentials.admin.rotation import RotationPages
from apps.credentials.errors import Absent
from apps.credentials.forms import CredentialForm
from apps.credentials.models import Credential
from apps.credentials.sealing import obstacle
from node.core.credentials import InvalidCredential

_SEALED = ("salt", "iv", "data")


@admin.register(Credential)
class CredentialAdmin(RotationPages, AuditedModelAdmin):
    object_type = "credential"
    name_field = "provider"
    form = CredentialForm
    list_per_page = 50
    list_display = ["provider", "key_version", "set_at", "set_by"]
    search_fields = ["provider"]
    search_help_text = "Provider"

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        if obj is None:
            return [(None, {"fields": ["provider", "content"]})]
        shown = (None, {"fields": ["provider", "key_version", "set_at", "set_by"]})
        if not self.has_change_permission(request, obj):
            return [shown]
        words = "The content that is stored stays sealed. A new one takes its place at once, also in running handlers."
        return [shown, ("Replace", {"fields": ["content"], "description": words})]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return ["provider", "key_version", "set_at", "set_by"] if obj else []

    def get_queryset(self, request: HttpRequest) -> QuerySet[Credential]:
        rows: QuerySet[Credential] = super().get_queryset(request)
        return rows.defer(*_SEALED)

    @method_decorator(sensitive_post_parameters())
    @method_decorator(sensitive_variables())
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Without the transaction that Django opens around it, which would hold the database while the node seals.

        The services have transactions of their own.
        """
        if request.method == "GET":
            self._warn(request)
        return self._changeform_view(request, object_id, form_url, extra_context)  # type: ignore[attr-defined]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, str] | None = None) -> HttpResponse:
        if request.method == "GET":
            self._warn(request)
        try:
            return super().changelist_view(request, extra_context)
        except (Absent, InvalidCredential) as error:
            self.message_user(request, f"Nothing was changed: {error}", messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """One button: what was saved is not shown, so that there is nothing to go on editing."""
        changes = {"show_save_and_add_another": False, "show_save_and_continue": False}
        form = context["adminform"].form
        if set(form.errors) == {NON_FIELD_ERRORS}:
            changes["errors"] = False  # no field is wrong, so that there is nothing to correct “below”
        return super().render_change_form(request, context | changes, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Credential, form: CredentialForm, change: Any) -> None:
        if form.sealed is not None:  # it is, or the form would not be valid
            services.put_credential(actor=user_actor(request.user), provider=obj.pk, blob=form.sealed)

    def delete_model(self, request: HttpRequest, obj: Credential) -> None:
        services.remove_credentials(actor=user_actor(request.user), providers=[obj.pk])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Credential]) -> None:
        names = list(queryset.values_list("pk", flat=True))
        services.remove_credentials(actor=user_actor(request.user), providers=names)

    @admin.display(description="set (UTC)", ordering="changed_at")
    def set_at(self, credential: Credential) -> str:
        return f"{credential.changed_at:%Y-%m-%d %H:%M}"

    @admin.display(description="set by", ordering="changed_by")
    def set_by(self, credential: Credential) -> str:
        return credential.changed_by

    def _warn(self, request: HttpRequest) -> None:
        """Before somebody looks for a secret in vain."""
        if (reason := obstacle()) is not None:
            self.message_user(request, reason, messages.WARNING)
