"""What the panel's pages of a model share: the audit log takes the place of Django's own admin log."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model, QuerySet
from django.forms import model_to_dict
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.decorators import action

from apps.audit.actors import user_actor
from apps.audit.form_facts import facts, is_secret, without
from apps.audit.selectors import history_of
from apps.audit.services import Change, record

if TYPE_CHECKING:  # unfold has no types; its ModelAdmin is Django's with another look
    from django.contrib.admin import ModelAdmin
else:
    from unfold.admin import ModelAdmin

_Method = TypeVar("_Method", bound=Callable[..., HttpResponse])


def page_action(
    description: str, *, url_path: str, icon: str, permission: str = "change"
) -> Callable[[_Method], _Method]:
    """A button, above a list or on an object's page, that leads to a view of its own, for those who may use it."""
    decorate: Callable[[_Method], _Method] = action(
        description=description, url_path=url_path, icon=icon, permissions=[permission]
    )
    return decorate


class ListedAdmin(ModelAdmin):
    """A model whose list answers to its filters, and to no other question.

    Django lets an address ask anything of a model's own columns: `…__startswith` spells out what nobody is shown, and
    `…__regex` holds up the whole process, since SQLite asks Python to match.
    """

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return any(lookup in _parameters(offered) for offered in self.get_list_filter(request))


class LookedAtAdmin(ListedAdmin):
    """A model that the panel shows, and whose rows nobody adds, changes or removes by its forms."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class AuditedModelAdmin(ListedAdmin):
    """Shows an object's audit rows as its history. Its services write those rows, so the admin's log stays silent."""

    object_type: str
    name_field: str
    """Where an audit row of a rename has the object's older name."""

    def object_id(self, obj: Model) -> str:
        """The name under which the audit log knows the object."""
        return str(obj.pk)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            raise Http404
        if not self.has_view_or_change_permission(request, obj):
            raise PermissionDenied
        entries = history_of(self.object_type, self.object_id(obj), name_field=self.name_field)
        context = {
            **self.admin_site.each_context(request),
            "title": f"History of {obj}",
            "subtitle": None,
            "page": self.get_paginator(request, entries, 50).get_page(request.GET.get("p")),
            "object": obj,
            "original": obj,
            "opts": self.opts,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "audit/history.html", context)

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        return None

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        return None

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Model]) -> Any:
        return None


class SelfAuditedModelAdmin(AuditedModelAdmin):
    """For models of Django that no service of ours writes: the admin's log calls become audit rows.

    They hold the values that a form changed. Of a password, they hold that it was set.
    """

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, str] | None = None) -> HttpResponse:
        if request.method != "POST":
            return super().changelist_view(request, extra_context)
        with transaction.atomic():
            return super().changelist_view(request, extra_context)

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: Any = None) -> Any:
        """(before, after) of the fields that the form changed, which Django hands on to the log calls."""
        names = list(form.cleaned_data if add else form.changed_data)
        before = {} if add else facts({name: form.initial.get(name) for name in names})
        after = facts({name: form.cleaned_data.get(name) for name in names})
        same = [name for name in before if before[name] == after[name]]  # a moment counts as changed by its widget
        password = {"password": "set"} if any(map(is_secret, names)) else {}
        return without(before, same), without(after, same) | password

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        self._record(request, "added", obj, after=message[1])

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        before, after = message
        if before or after:
            self._record(request, "changed", obj, before=before, after=after)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Model]) -> Any:
        for obj in queryset:
            self._record(request, "removed", obj, before=facts(model_to_dict(obj)))

    def _record(self, request: HttpRequest, verb: str, obj: Model, **values: Any) -> None:
        change = Change(f"{self.object_type}.{verb}", self.object_type, self.object_id(obj), **values)
        record(actor=user_actor(request.user), changes=[change])


def _parameters(offered: Any) -> tuple[str, ...]:
    """What a filter reads of an address: one of a class of its own, a column, or a column with a class."""
    if isinstance(offered, type):
        return (offered.parameter_name,)  # type: ignore[attr-defined] # it is a SimpleListFilter
    column = offered if isinstance(offered, str) else offered[0]
    return column, f"{column}__exact", f"{column}__isnull"
