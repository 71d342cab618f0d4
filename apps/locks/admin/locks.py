"""The panel's pages of locks: placed, listed, lifted; never changed. Every write goes through the services."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.audit.actors import user_actor
from apps.audit.model_admin import AuditedModelAdmin, page_action
from apps.locks import selectors, services
from apps.locks.admin.filters import StateFilter
from apps.locks.closings import closings_of_lock
from apps.locks.forms import EverythingForm, LockForm
from apps.locks.models import Lock
from apps.locks.words import end_words, what_words
from node.core.locks import LockKind


@admin.register(Lock)
class LockAdmin(AuditedModelAdmin):
    object_type = "lock"
    name_field = "lock_id"
    form = LockForm
    list_per_page = 50
    list_display = ["what", "until", "placed", "created_by", "why", "told"]
    list_filter = ["target_kind", StateFilter]
    search_fields = ["target", "reason", "message", "created_by"]
    search_help_text = "Name, reason or message"
    actions = ["unlock_selected"]
    actions_list = ["lock_everything", "remove_ended"]
    actions_detail = ["unlock"]

    def object_id(self, obj: Model) -> str:
        """Under which the log knows it: what it holds, so that a page shows the whole history of that."""
        return str(obj)

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        if obj is not None:
            return [(None, {"fields": ["what", "until", "message", "reason", "placed", "created_by"]})]
        return [
            (None, {"fields": ["target_kind", "target"]}),
            ("End", {"fields": ["lasts", "until"]}),
            ("Words", {"fields": ["message", "reason"]}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return ["what", "until", "message", "reason", "placed", "created_by"] if obj else []

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """A lock is lifted, in that word: Django's own pages of deleting are not offered."""
        return False

    def has_unlock_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("locks.delete_lock")

    def save_model(self, request: HttpRequest, obj: Lock, form: ModelForm, change: Any) -> None:
        terms = form.terms()  # type: ignore[attr-defined] # it is a LockForm
        placed = services.lock(
            actor=user_actor(request.user),
            target_kind=form.cleaned_data["target_kind"],
            target=form.cleaned_data["target"],
            **terms,
        )
        obj.pk = placed.lock_id

    def response_add(self, request: HttpRequest, obj: Lock, post_url_continue: str | None = None) -> HttpResponse:
        self.message_user(request, f"Locked: {what_words(obj.target_kind, obj.target)}.", messages.SUCCESS)
        return HttpResponseRedirect(self._list_url())

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """A lock is placed, and then there is nothing to go on editing."""
        one_button = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().render_change_form(request, context | one_button, *args, **kwargs)

    def get_actions_list(self, request: HttpRequest) -> Any:
        """What has ended is offered for removal where anything has."""
        offered = super().get_actions_list(request)  # type: ignore[misc] # unfold has no types
        if selectors.ended().exists():
            return offered
        return [one for one in offered if not one.action_name.endswith("remove_ended")]

    @admin.action(description="Unlock selected", permissions=["unlock"])
    def unlock_selected(self, request: HttpRequest, queryset: QuerySet[Lock]) -> None:
        selected = list(queryset)
        for row in selected:
            services.unlock(actor=user_actor(request.user), lock_id=row.pk)
        self.message_user(request, f"Unlocked: {', '.join(map(self.what, selected))}.", messages.SUCCESS)

    @page_action("Unlock", url_path="unlock", icon="lock_open", permission="unlock")
    def unlock(self, request: HttpRequest, object_id: str) -> HttpResponse:
        found = self._lock(request, object_id)
        if request.method != "POST":
            return self._page(request, "locks/unlock.html", title=f"Unlock: {self.what(found)}", lock=found)
        services.unlock(actor=user_actor(request.user), lock_id=found.pk)
        self.message_user(request, f"Unlocked: {what_words(found.target_kind, found.target)}.", messages.SUCCESS)
        return HttpResponseRedirect(self._list_url())

    @page_action("Lock everything", url_path="everything", icon="lock", permission="add")
    def lock_everything(self, request: HttpRequest) -> HttpResponse:
        """Asks for the words that confirm it; nothing else in the panel closes so much at once."""
        form = EverythingForm(request.POST if request.method == "POST" else None)
        if request.method != "POST" or not form.is_valid():
            closings = closings_of_lock(LockKind.EVERYTHING, "", "")
            return self._page(request, "locks/everything.html", title="Lock everything", form=form, closings=closings)
        terms = form.terms()
        services.lock(actor=user_actor(request.user), target_kind=LockKind.EVERYTHING, target="", **terms)
        self.message_user(request, "Everything is locked. This list is where it is unlocked.", messages.WARNING)
        return HttpResponseRedirect(self._list_url())

    @page_action("Remove ended", url_path="remove-ended", icon="delete_sweep", permission="unlock")
    def remove_ended(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            ended = [selectors.facts(row) for row in selectors.ended()]
            return self._page(request, "locks/remove_ended.html", title="Remove ended locks", ended=ended)
        count = services.remove_expired(actor=user_actor(request.user))
        self.message_user(request, f"Removed {count} ended lock{'' if count == 1 else 's'}.", messages.SUCCESS)
        return HttpResponseRedirect(self._list_url())

    @admin.display(description="what", ordering="target")
    def what(self, lock: Lock) -> str:
        return what_words(lock.target_kind, lock.target)

    @admin.display(description="until", ordering="expires_at")
    def until(self, lock: Lock) -> SafeString:
        holds = lock.holds()
        tone = "alknet-nowrap" if holds else "alknet-nowrap alknet-ended"
        return format_html('<span class="{}">{}</span>', tone, end_words(lock.expires_at, holds=holds))

    @admin.display(description="locked (UTC)", ordering="created_at")
    def placed(self, lock: Lock) -> str:
        return f"{lock.created_at:%Y-%m-%d %H:%M}"

    @admin.display(description="reason", ordering="reason")
    def why(self, lock: Lock) -> str:
        return lock.reason or "-"

    @admin.display(description="message", ordering="message")
    def told(self, lock: Lock) -> str:
        return lock.message or "-"

    def _lock(self, request: HttpRequest, object_id: str) -> Lock:
        found: Lock | None = self.get_object(request, unquote(object_id))
        if found is None:
            raise Http404
        return found

    def _list_url(self) -> str:
        return reverse("admin:locks_lock_changelist")

    def _page(self, request: HttpRequest, template: str, **facts: Any) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, "list_url": self._list_url(), **facts}
        return TemplateResponse(request, template, context)
