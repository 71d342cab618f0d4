"""The audit log in the panel: to read, never to write."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin

from apps.audit.models import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(ModelAdmin):
    list_display = ["time", "actor_name", "actor_kind", "action", "object_id"]
    list_filter = ["action", "actor_kind", "object_type"]
    search_fields = ["object_id", "actor_name", "request_id"]
    list_per_page = 50
    fieldsets = [
        (None, {"fields": ["time", "actor_name", "actor_kind", "action", "object_type", "object_id", "request_id"]}),
        ("Values", {"fields": ["before_text", "after_text"]}),
    ]
    readonly_fields = ["time", "before_text", "after_text"]

    @admin.display(description="time (UTC)", ordering="id")
    def time(self, entry: AuditEntry) -> str:
        return f"{entry.at:%Y-%m-%d %H:%M:%S}"

    @admin.display(description="before")
    def before_text(self, entry: AuditEntry) -> SafeString | None:
        return _as_text(entry.before)

    @admin.display(description="after")
    def after_text(self, entry: AuditEntry) -> SafeString | None:
        return _as_text(entry.after)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """A row of the log has no history of its own."""
        return super().render_change_form(request, context | {"show_history": False}, *args, **kwargs)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def _as_text(facts: Any) -> SafeString | None:
    if facts is None:
        return None
    return format_html('<pre class="alknet-text">{}</pre>', json.dumps(facts, indent=2, ensure_ascii=False))
