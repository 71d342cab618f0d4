"""The audit log in the panel: to read, never to write."""

import json
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.audit.admin.chain_pages import ChainPages
from apps.audit.filters import ActionFilter, WayFilter
from apps.audit.links import object_urls
from apps.audit.models import AuditEntry
from apps.audit.paginator import LogPaginator
from apps.audit.selectors import search
from apps.audit.words import action_words, way_words, who_words

_OBJECT_URL = "_alknet_object_url"
"""Where an entry that is shown alone keeps the address of its object."""


@admin.register(AuditEntry)
class AuditEntryAdmin(ChainPages):
    list_display = ["time", "who", "via", "what", "object_id"]
    list_filter = [("action", ActionFilter), ("actor_kind", WayFilter)]
    search_fields = ["object_id", "actor_name", "request_id"]
    search_help_text = "Beginning of a name, or a request's id"
    list_per_page = 50
    show_full_result_count = False
    paginator = LogPaginator
    sortable_by = ["time"]
    fieldsets = [
        (None, {"fields": ["row", "time", "who", "via", "what", "which", "request_id", "hash"]}),
        ("Values", {"fields": ["before_text", "after_text"]}),
    ]
    readonly_fields = ["row", "time", "who", "via", "what", "which", "before_text", "after_text", "hash"]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The heading says no number: the pages below tell how many rows there are."""
        changelist = super().get_changelist_instance(request)
        changelist.full_result_count = changelist.result_count
        return changelist

    @admin.display(description="row")
    def row(self, entry: AuditEntry) -> int:
        return entry.pk

    @admin.display(description="time (UTC)", ordering="id")
    def time(self, entry: AuditEntry) -> str:
        return f"{entry.at:%Y-%m-%d %H:%M:%S}"

    @admin.display(description="who")
    def who(self, entry: AuditEntry) -> str:
        return who_words(entry.actor_kind, entry.actor_name)

    @admin.display(description="via")
    def via(self, entry: AuditEntry) -> str:
        return way_words(entry.actor_kind)

    @admin.display(description="what")
    def what(self, entry: AuditEntry) -> str:
        return action_words(entry.action)

    @admin.display(description="which")
    def which(self, entry: AuditEntry) -> str:
        url = getattr(entry, _OBJECT_URL, None)
        return format_html('<a class="alknet-link" href="{}">{}</a>', url, entry.object_id) if url else entry.object_id

    @admin.display(description="before")
    def before_text(self, entry: AuditEntry) -> SafeString | None:
        return _as_text(entry.before)

    @admin.display(description="after")
    def after_text(self, entry: AuditEntry) -> SafeString | None:
        return _as_text(entry.after)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        text = search_term.strip()
        return (search(queryset, text) if text else queryset), False

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> AuditEntry | None:
        """With the address of what it is about, if the reader may go there."""
        entry: AuditEntry | None = super().get_object(request, *args, **kwargs)
        if entry is not None:
            urls = object_urls([entry], request.user)
            setattr(entry, _OBJECT_URL, urls.get((entry.object_type, entry.object_id)))
        return entry

    def history_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """A row of the log has no history of its own: it leads to the row."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect(reverse("admin:audit_auditentry_change", args=[object_id]))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        return super().render_change_form(request, context | {"show_history": False}, *args, **kwargs)


def _as_text(facts: Any) -> SafeString | None:
    if facts is None:
        return None
    return format_html('<pre class="alknet-text">{}</pre>', json.dumps(facts, indent=2, ensure_ascii=False))
