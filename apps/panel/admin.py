"""The panel's pages of saved filters: saved from a list, chosen there, renamed and deleted here."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.html import format_html
from django.utils.safestring import SafeString

from alknet_site.form_errors import show_errors
from apps.audit.actors import user_actor
from apps.audit.model_admin import AuditedModelAdmin
from apps.panel.models import SavedFilter
from apps.panel.saved import services
from apps.panel.saved.forms import SavedFilterForm
from apps.panel.saved.lists import LISTS
from apps.panel.saved.selectors import may_change, seen_by

_PLACE = ("list_name", "query")


@admin.register(SavedFilter)
class SavedFilterAdmin(AuditedModelAdmin):
    object_type = services.OBJECT_TYPE
    name_field = "name"
    form = SavedFilterForm
    list_per_page = 50
    list_display = ["name", "opens", "narrows", "whose"]
    list_display_links = ["name"]
    search_fields = ["name"]
    search_help_text = "Name"
    readonly_fields = ["opens", "narrows", "whose"]
    fieldsets = [(None, {"fields": ["name", "shared", "opens", "narrows"]})]

    def object_id(self, obj: Model) -> str:
        return str(obj)

    def get_urls(self) -> list[Any]:
        save = self.admin_site.admin_view(self.save_view)
        return [path("save/", save, name="panel_savedfilter_save"), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[SavedFilter]:
        return seen_by(request.user).select_related(None)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A filter is saved from the list that it narrows."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or may_change(request.user, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or may_change(request.user, obj))

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        if not self.has_change_permission(request, obj):
            return [(None, {"fields": ["name", "opens", "narrows", "whose"]})]
        form = self.get_form(request, obj)(instance=obj)
        shared = ["shared"] if "shared" in form.fields else []
        return [(None, {"fields": ["name", *shared, "opens", "narrows"]})]

    def get_form(self, request: HttpRequest, obj: Any = None, change: Any = None, **kwargs: Any) -> Any:
        return _form_of(request)

    def save_view(self, request: HttpRequest) -> HttpResponse:
        """From a list, by the form that stands above it; here it is shown again where something is wrong with it."""
        if not request.user.has_perm("panel.add_savedfilter"):
            raise PermissionDenied
        form = _form_of(request)(request.POST or None, initial=request.GET.dict())
        if request.method == "POST" and form.is_valid() and (saved := _saved(request, form)) is not None:
            self.message_user(request, f"Saved as “{saved}”.", messages.SUCCESS)
            return HttpResponseRedirect(f"{LISTS[saved.list_name].url}?{saved.query}")
        sent = {name: form.data.get(name) or request.GET.get(name, "") for name in _PLACE}
        one = LISTS.get(sent["list_name"])
        facts = {"form": form, "of": one, "words": one.words(sent["query"]) if one else ""}
        context = {**self.admin_site.each_context(request), "title": "Save a filter", "opts": self.opts, **facts}
        return TemplateResponse(request, "panel/save_filter.html", context)

    def save_model(self, request: HttpRequest, obj: SavedFilter, form: ModelForm, change: Any) -> None:
        wish = form.wish()  # type: ignore[attr-defined] # it is a SavedFilterForm
        services.change_filter(actor=user_actor(request.user), user=request.user, filter_id=obj.pk, **wish)
        obj.refresh_from_db()

    def delete_model(self, request: HttpRequest, obj: SavedFilter) -> None:
        services.remove_filters(actor=user_actor(request.user), user=request.user, ids=[obj.pk])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[SavedFilter]) -> None:
        names = queryset.values_list("pk", flat=True)
        services.remove_filters(actor=user_actor(request.user), user=request.user, ids=names)

    @admin.display(description="list", ordering="list_name")
    def opens(self, row: SavedFilter) -> SafeString:
        one = LISTS[row.list_name]
        known, _ = one.known(row.query)
        return format_html('<a class="alknet-link" href="{}?{}">{}</a>', one.url, known, one.title)

    @admin.display(description="shows")
    def narrows(self, row: SavedFilter) -> str:
        return LISTS[row.list_name].words(row.query)

    @admin.display(description="whose")
    def whose(self, row: SavedFilter) -> str:
        return f"everybody’s, by {row.created_by}" if row.shared else "yours"


def _form_of(request: HttpRequest) -> Any:
    """The form, made for who asks."""
    return type("SavedFilterForm", (SavedFilterForm,), {"user": request.user})


def _saved(request: HttpRequest, form: Any) -> SavedFilter | None:
    """What the form asks for, done; None where another was faster, which the form then says."""
    place = {name: form.cleaned_data[name] for name in _PLACE}
    try:
        return services.save_filter(actor=user_actor(request.user), user=request.user, **place, **form.wish())
    except services.InvalidFilter as error:
        show_errors(form, error)
        return None
