"""The panel's page of backups: what there is, one more, a download, and how to restore."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.template.defaultfilters import filesizeformat
from django.urls import path, reverse
from django.views.decorators.http import require_POST, require_safe

from apps.audit.actors import user_actor
from apps.audit.model_admin import AuditedModelAdmin, LookedAtAdmin
from apps.backups import selectors, services
from apps.backups.downloads import answer_with, opened
from apps.backups.models import Backup, State, Way
from apps.backups.runner import RUNNER
from apps.backups.selectors import in_directory, is_here
from apps.backups.services import BackupUnderWay

MAKE, DOWNLOAD = "backups.make_backup", "backups.download_backup"


@admin.register(Backup)
class BackupAdmin(LookedAtAdmin, AuditedModelAdmin):
    """Seeing, making and downloading are three rights: who has a file has every peer and every password's hash."""

    object_type = "backup"
    name_field = "name"
    list_display = ["begun", "outcome", "bytes", "asked_by", "protection"]
    list_per_page = 50
    list_before_template = "backups/before.html"
    list_after_template = "backups/after.html"
    change_form_outer_before_template = "backups/download.html"
    fieldsets = [(None, {"fields": ["begun", "ended", "outcome", "bytes", "asked_by", "protection", "file", "digest"]})]
    readonly_fields = ["begun", "ended", "outcome", "bytes", "asked_by", "protection", "file", "digest"]

    def object_id(self, obj: Model) -> str:
        return str(obj)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        own = [
            path("make/", view(require_POST(self.make)), name="backups_backup_make"),
            path("status/", view(require_safe(self.status)), name="backups_backup_status"),
            path("<int:pk>/download/", view(require_POST(self.download)), name="backups_backup_download"),
        ]
        return [*own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, str] | None = None) -> HttpResponse:
        known = settings.ALKNET
        context: dict[str, Any] = {
            "running": selectors.under_way(),
            "progress": RUNNER.progress,
            "problem": selectors.problem(every=known.backup.every * 3600),
            "schedule": known.backup,
            "directory": known.backups,
            "may_make": request.user.has_perm(MAKE),
            "make_url": reverse("admin:backups_backup_make"),
            "status_url": reverse("admin:backups_backup_status"),
        }
        return super().changelist_view(request, context | (extra_context or {}))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """With where the file is had, for those who may have it."""
        backup: Backup = context["original"]
        offered = request.user.has_perm(DOWNLOAD) and is_here(backup)
        url = reverse("admin:backups_backup_download", args=[backup.pk]) if offered else None
        return super().render_change_form(request, context | {"download_url": url}, *args, **kwargs)

    def make(self, request: HttpRequest) -> HttpResponse:
        """Begin one; it goes on in the background."""
        if not request.user.has_perm(MAKE):
            raise PermissionDenied
        try:
            RUNNER.begin(user_actor(request.user), Way.PANEL)
        except BackupUnderWay as error:
            self.message_user(request, str(error), messages.WARNING)
        return HttpResponseRedirect(reverse("admin:backups_backup_changelist"))

    def status(self, request: HttpRequest) -> HttpResponse:
        """How far the one is that is under way, for the page that shows it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        running, progress = selectors.under_way() is not None, RUNNER.progress
        told = {} if progress is None else {"step": progress.step, "done": progress.done, "of": progress.of}
        return JsonResponse({"running": running, **told})

    def download(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The file, once that is written down."""
        if not request.user.has_perm(DOWNLOAD):
            raise PermissionDenied
        backup = self.get_object(request, str(pk))
        if backup is None or not is_here(backup):
            raise Http404
        try:
            file = opened(backup.path)
        except OSError:
            raise Http404 from None
        services.note_download(actor=user_actor(request.user), backup=backup)
        return answer_with(file, backup.name)

    @admin.display(description="begun (UTC)", ordering="id")
    def begun(self, backup: Backup) -> str:
        return f"{backup.started_at:%Y-%m-%d %H:%M:%S}"

    @admin.display(description="ended (UTC)")
    def ended(self, backup: Backup) -> str:
        return "-" if backup.ended_at is None else f"{backup.ended_at:%Y-%m-%d %H:%M:%S}"

    @admin.display(description="outcome", ordering="state")
    def outcome(self, backup: Backup) -> str:
        if backup.state == State.FAILED:
            return f"failed: {backup.error}"
        if backup.state == State.DONE and backup.removed_at is not None:
            return f"made; removed {backup.removed_at:%Y-%m-%d} to make room"
        if backup.state == State.DONE and in_directory(backup) and not backup.path.is_file():
            return "made; its file is gone"
        return str(State(backup.state).label)

    @admin.display(description="size", ordering="size")
    def bytes(self, backup: Backup) -> str:
        return filesizeformat(backup.size) if backup.size else "-"

    @admin.display(description="asked by", ordering="way")
    def asked_by(self, backup: Backup) -> str:
        return (
            "the schedule"
            if backup.way == Way.SCHEDULE
            else f"{backup.made_by.removeprefix('cli:')} ({Way(backup.way).label})"
        )

    @admin.display(description="sealed", ordering="encrypted")
    def protection(self, backup: Backup) -> str:
        return "yes" if backup.encrypted else "no"

    @admin.display(description="SHA-256")
    def digest(self, backup: Backup) -> str:
        return backup.sha256 or "-"
