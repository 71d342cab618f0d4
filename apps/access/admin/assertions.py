"""The panel's pages of assertions: added, listed, removed; never changed. Every write goes through the services."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from alknet_site.form_errors import show_errors
from apps.access import services
from apps.access.assertions import holding
from apps.access.forms import TesterForm
from apps.access.models import Assertion
from apps.access.questions import InvalidQuestion
from apps.access.services.assertions import OBJECT_TYPE
from apps.audit.actors import user_actor
from apps.audit.model_admin import AuditedModelAdmin
from apps.peers.drafts import split_scopes
from node.core.locks import MAX_REASON

_TEXTS = ("who", "scopes", "resource_type", "resource")


class AssertionForm(forms.ModelForm):
    """A new assertion. An existing one has no form: it is removed, and another is added."""

    verb = forms.ChoiceField(
        label="What of it",
        choices=[("must", "must keep these rights"), ("must not", "must not get these rights")],
        widget=UnfoldAdminSelectWidget,
    )
    who, scopes, resource_type, resource = (TesterForm.base_fields[name] for name in _TEXTS)
    reason = forms.CharField(
        required=False, max_length=MAX_REASON, widget=UnfoldAdminTextInputWidget, help_text="Why, for administrators."
    )

    class Meta:
        model = Assertion
        fields: tuple[str, ...] = ()

    def wish(self) -> dict[str, Any]:
        """What was typed, as the services take it."""
        wish = {name: self.cleaned_data.get(name, "") for name in (*_TEXTS, "reason")}
        wish["scopes"] = list(dict.fromkeys(split_scopes(wish["scopes"])))
        return wish | {"allowed": self.cleaned_data.get("verb") == "must"}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        try:
            services.plan_assertion(**self.wish())
        except InvalidQuestion as error:
            show_errors(self, error)
        return cleaned

    def validate_constraints(self) -> None:
        """The services have looked at everything."""


@admin.register(Assertion)
class AssertionAdmin(AuditedModelAdmin):
    object_type = OBJECT_TYPE
    name_field = "id"
    form = AssertionForm
    list_per_page = 50
    list_display = ["sentence", "now", "reason", "created_by"]
    list_filter = ["allowed"]
    search_fields = ["who", "resource", "reason"]
    search_help_text = "Peer, resource or reason"

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        if obj is not None:
            return [(None, {"fields": ["sentence", "now", "reason", "created_by"]})]
        return [(None, {"fields": ["who", "verb", "scopes", "resource_type", "resource", "reason"]})]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return ["sentence", "now", "reason", "created_by"] if obj else []

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The rows of the page know whether they hold: all are judged at once."""
        changelist = super().get_changelist_instance(request)
        held = holding(changelist.result_list)
        for row in changelist.result_list:
            row.held = held[row.pk]
        return changelist

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Assertion, form: ModelForm, change: Any) -> None:
        wish = form.wish()  # type: ignore[attr-defined] # it is an AssertionForm
        obj.pk = services.add_assertion(actor=user_actor(request.user), **wish).pk
        obj.refresh_from_db()

    def delete_model(self, request: HttpRequest, obj: Assertion) -> None:
        services.remove_assertions(actor=user_actor(request.user), ids=[obj.pk])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Assertion]) -> None:
        services.remove_assertions(actor=user_actor(request.user), ids=queryset.values_list("pk", flat=True))

    @admin.display(description="assertion", ordering="who")
    def sentence(self, row: Assertion) -> str:
        return str(row)

    @admin.display(description="now")
    def now(self, row: Assertion) -> str:
        holds: bool = row.held if hasattr(row, "held") else holding([row])[row.pk]
        return "holds" if holds else "does not hold"
