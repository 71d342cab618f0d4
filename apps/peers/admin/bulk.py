"""The list's actions, each with a page before it that says what will happen.

A preview is confirmed by a digest of the peers that were selected, as they were. Where that is another by then (“all
that match” is asked anew, a peer was changed), the preview is shown again, and nothing is done.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import transaction
from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.crypto import constant_time_compare

from apps.audit.actors import Actor, user_actor
from apps.panel.job_pages import begun
from apps.panel.jobs import Job
from apps.peers import selectors
from apps.peers.bulk import BulkAct, NothingForm, changing_of, preview
from apps.peers.bulk_acts import ADD_SCOPES, DELETE, DISABLE, ENABLE, REMOVE_SCOPES
from apps.peers.digests import states_digest
from apps.peers.listing import MORE_ACTS
from apps.peers.models import Peer
from apps.peers.services.batches import Tell, untold
from apps.peers.terms import PeerState
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
        states = selectors.get_states(queryset.order_by("pk").values_list("pk", flat=True))
        told = "post" in request.POST or "preview" in request.POST
        form = act.form(request.POST if told else None)
        confirmed = "post" in request.POST and form.is_valid()
        if confirmed and constant_time_compare(request.POST.get("digest", ""), states_digest(states)):
            return self._do_bulk(request, act, states, form)
        if confirmed:
            self.message_user(
                request, "The selection is another by now, or a peer of it. Nothing was done.", messages.WARNING
            )
        return self._preview_bulk(request, act, states, form)

    def _do_bulk(
        self, request: HttpRequest, act: BulkAct, states: Sequence[PeerState], form: Form
    ) -> HttpResponse | None:
        run = partial(_run, user_actor(request.user), act, states, form)
        if len(states) > MANY:
            job = Job("bulk act", f"{act.title} {len(states)} peers", "peers.view_peer", request.get_full_path())
            return begun(request, job, lambda job: _done_words(act, run(job.tell)))
        try:
            count = run(untold)
        except InvalidFields as error:
            form.add_error(None, f"Nothing was changed: {error}")
            return self._preview_bulk(request, act, states, form)
        self.message_user(request, _done_words(act, count), messages.SUCCESS if count else messages.INFO)
        return None

    def _preview_bulk(
        self, request: HttpRequest, act: BulkAct, states: Sequence[PeerState], form: Form
    ) -> HttpResponse:
        try:
            plan = preview(act, states, form)
        except InvalidPeer as error:
            form.add_error(None, str(error))
            plan = preview(act, states, form)
        context = {
            **self.admin_site.each_context(request),
            "title": f"{act.title} {plan.selected} peer{'' if plan.selected == 1 else 's'}",
            "opts": self.opts,
            "act": act,
            "plan": plan,
            "form": form,
            "asks": act.form is not NothingForm,
            "across": request.POST.get("select_across") == "1",
            "selected": request.POST.getlist(ACTION_CHECKBOX_NAME),
            "checkbox": ACTION_CHECKBOX_NAME,
            "list_url": request.get_full_path(),
        }
        return TemplateResponse(request, "peers/bulk.html", context)


def _run(actor: Actor, act: BulkAct, shown: Sequence[PeerState], form: Form, tell: Tell) -> int:
    """To the peers as they were shown, or to none. Raises Absent and InvalidPeer."""
    with transaction.atomic():
        states = selectors.get_states(state.peer_id for state in shown)
        if list(shown) != states:
            raise InvalidPeer({"peers": ["one of them was changed meanwhile"]})
        return act.run(actor, changing_of(act, states, form), form, tell)


def _done_words(act: BulkAct, count: int) -> str:
    return f"{act.done} {count} peer{'' if count == 1 else 's'}."
