"""The list's actions, each with a page before it that says what will happen.

A preview is confirmed by a digest of who was selected. Where that is another by then (“all that match” is asked anew),
the preview is shown again, and nothing is done.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.crypto import constant_time_compare

from apps.audit.actors import user_actor
from apps.panel.job_pages import begun
from apps.panel.jobs import Job
from apps.peers.bulk import BulkAct, NothingForm, changing_of, digest, preview
from apps.peers.bulk_acts import ADD_SCOPES, DELETE, DISABLE, ENABLE, REMOVE_SCOPES
from apps.peers.listing import MORE_ACTS
from apps.peers.models import Peer
from node.core.errors import InvalidFields
from node.core.peers import InvalidPeer

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
else:
    ModelAdmin = object

MANY = 1_000
"""Peers above which an act goes on in the background, with a page of its own."""


def action_of(act: BulkAct) -> Callable[..., HttpResponse | None]:
    """An act as one of the list's actions."""

    @admin.action(description=act.button, permissions=[act.permission])
    def run(model_admin: Any, request: HttpRequest, queryset: QuerySet[Peer]) -> HttpResponse | None:
        answer: HttpResponse | None = model_admin.bulk(request, queryset, act)
        return answer

    run.__name__ = act.name
    return run


class BulkActs(ModelAdmin):
    """DELETE takes the place, and the name, of Django's own."""

    @property
    def actions(self) -> Any:  # type: ignore[override] # it is read only
        """Those of other apps before the one that deletes."""
        return [action_of(act) for act in (ENABLE, DISABLE, ADD_SCOPES, REMOVE_SCOPES, *MORE_ACTS, DELETE)]

    def bulk(self, request: HttpRequest, queryset: QuerySet[Peer], act: BulkAct) -> HttpResponse | None:
        """The preview or, where it is confirmed, the act itself and then the list again."""
        names = list(queryset.order_by("pk").values_list("pk", flat=True))
        told = "post" in request.POST or "preview" in request.POST
        form = act.form(request.POST if told else None)
        confirmed = "post" in request.POST and form.is_valid()
        if confirmed and constant_time_compare(request.POST.get("digest", ""), digest(names)):
            return self._do_bulk(request, act, names, form)
        if confirmed:
            self.message_user(request, "The selection is another by now. Nothing was done.", messages.WARNING)
        return self._preview_bulk(request, act, names, form)

    def _do_bulk(self, request: HttpRequest, act: BulkAct, names: Sequence[str], form: Form) -> HttpResponse | None:
        actor = user_actor(request.user)
        if len(names) > MANY:
            job = Job("bulk act", f"{act.title} {len(names)} peers", "peers.view_peer", request.get_full_path())
            return begun(request, job, lambda _: _done_words(act, act.run(actor, changing_of(act, names, form), form)))
        try:
            count = act.run(actor, changing_of(act, names, form), form)
        except InvalidFields as error:
            form.add_error(None, f"Nothing was changed: {error}")
            return self._preview_bulk(request, act, names, form)
        self.message_user(request, _done_words(act, count), messages.SUCCESS if count else messages.INFO)
        return None

    def _preview_bulk(self, request: HttpRequest, act: BulkAct, names: Sequence[str], form: Form) -> HttpResponse:
        try:
            plan = preview(act, names, form)
        except InvalidPeer as error:
            form.add_error(None, str(error))
            plan = preview(act, names, form)
        context = {
            **self.admin_site.each_context(request),
            "title": f"{act.title} {plan.selected} peer{'' if plan.selected == 1 else 's'}",
            "opts": self.opts,
            "act": act,
            "plan": plan,
            "form": form,
            "asks": act.form is not NothingForm,
            "may_see_connections": request.user.has_perm("activity.view_connection"),
            "across": request.POST.get("select_across") == "1",
            "selected": request.POST.getlist(ACTION_CHECKBOX_NAME),
            "checkbox": ACTION_CHECKBOX_NAME,
            "list_url": request.get_full_path(),
        }
        return TemplateResponse(request, "peers/bulk.html", context)


def _done_words(act: BulkAct, count: int) -> str:
    return f"{act.done} {count} peer{'' if count == 1 else 's'}."
