"""The panel's page of files of peers: an export, and an import that is shown before it is done.

The file goes to the browser and back between the two, so that nothing of it lies here half-way; what is confirmed is
the plan that was shown, or nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.views.decorators.http import require_safe
from unfold.widgets import UnfoldAdminFileFieldWidget

from apps.audit.actors import Actor, user_actor
from apps.audit.model_admin import page_action
from apps.panel.job_pages import begun
from apps.panel.jobs import JOBS, Job, JobRefused
from apps.peers import services
from apps.peers.portable.answers import file_answer
from apps.peers.portable.carried import pack, unpack
from apps.peers.portable.formats import Format, format_named, format_of, read
from apps.peers.portable.impact import impact_of
from apps.peers.portable.json_forms import plan_json
from apps.peers.portable.plan import Plan
from apps.peers.portable.rows import ImportRefused, Row, refuse
from apps.peers.portable.text import MAX_UPLOAD
from apps.peers.services import PlanChanged
from node.core.errors import InvalidFields

if TYPE_CHECKING:  # unfold has no types; its ModelAdmin is Django's with another look
    from django.contrib.admin import ModelAdmin
else:
    from unfold.admin import ModelAdmin

MANY = 1_000
"""Peers of a file above which the import goes on in the background, with a page that says how far it is."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a page sends: a file, chosen just now or carried along, and what is to be done with it."""

    form: Format
    data: bytes
    replace: bool
    agreed: str | None

    @classmethod
    def of(cls, request: HttpRequest) -> "_Wish":
        """Raises ImportRefused."""
        chosen, fields = request.FILES.get("file"), request.POST
        if chosen is None and "packed" not in fields:
            raise refuse("file", "Choose a file.")
        if chosen is not None and (chosen.size or 0) > MAX_UPLOAD:
            raise refuse("file", f"A file has at most {MAX_UPLOAD} bytes here: use alknet peer import.")
        named = fields.get("format", "")
        form = format_named(named) if named else format_of(chosen.name or "" if chosen else "")
        data = chosen.read() if chosen is not None else unpack(fields["packed"])
        return cls(form, data, "replace" in fields, None if chosen is not None else fields.get("agreed"))

    def rows(self) -> list[Row]:
        """Raises ImportRefused."""
        return list(read(self.form, self.data))


class FilePages(ModelAdmin):
    """Adds the button, the page, and the files."""

    actions_list = ["files"]

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(require_safe(self.export))
        return [path("files/export/<str:name>/", view, name="peers_peer_export"), *super().get_urls()]

    def export(self, request: HttpRequest, name: str) -> HttpResponse:
        """All peers as a file to keep."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            form = format_named(name)
        except ImportRefused:
            raise Http404 from None
        return file_answer(form)

    @page_action("Import, export", url_path="files", icon="swap_vert", permission="view")
    def files(self, request: HttpRequest) -> HttpResponse:
        """Asks for a file; shows what it would do; does it."""
        if request.method != "POST":
            return self._page(request, {})
        if not self.has_change_permission(request):
            raise PermissionDenied
        try:
            wish = _Wish.of(request)
            return self._confirmed(request, wish) if wish.agreed else self._preview(request, wish)
        except InvalidFields as error:  # of the file, or of what it would do: an assertion stands against it
            return self._page(request, {"errors": error.errors})

    def _preview(self, request: HttpRequest, wish: _Wish, *, changed: bool = False) -> HttpResponse:
        plan = services.plan_import(rows=wish.rows(), replace=wish.replace)
        found = impact_of(plan)
        facts = {"plan": plan_json(plan, found), "found": found, "digest": plan.digest, "packed": pack(wish.data)}
        return self._page(request, {**facts, "wish": wish, "changed": changed})

    def _confirmed(self, request: HttpRequest, wish: _Wish) -> HttpResponse:
        actor, rows = user_actor(request.user), wish.rows()
        if len(rows) > MANY:
            job = Job(
                "import", f"Import of {len(rows)} peers", "peers.view_peer", reverse("admin:peers_peer_changelist")
            )
            return begun(request, job, lambda job: _import(job, actor, wish, rows))
        try:
            plan = services.import_peers(actor=actor, rows=rows, replace=wish.replace, agreed=wish.agreed)
        except PlanChanged:
            return self._preview(request, wish, changed=True)
        self.message_user(request, _done_words(plan), messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:peers_peer_changelist"))

    def _page(self, request: HttpRequest, facts: Mapping[str, Any]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Import and export peers",
            "opts": self.opts,
            "formats": list(Format),
            "file_field": UnfoldAdminFileFieldWidget().render("file", None, {"id": "file"}),
            "under_way": JOBS.running("import"),
            "may_import": self.has_change_permission(request),
            "max_mib": MAX_UPLOAD // 1024**2,
            "list_url": reverse("admin:peers_peer_changelist"),
            "files_url": reverse("admin:peers_peer_files"),
            **facts,
        }
        return TemplateResponse(request, "peers/files.html", context)


def _import(job: Job, actor: Actor, wish: _Wish, rows: list[Row]) -> str:
    """The work of a job. Raises JobRefused."""
    try:
        plan = services.import_peers(actor=actor, rows=rows, replace=wish.replace, agreed=wish.agreed, tell=job.tell)
    except PlanChanged:
        raise JobRefused("Peers were changed since this was shown. Nothing was done: choose the file again.") from None
    return _done_words(plan)


def _done_words(plan: Plan) -> str:
    counts = ((plan.count(action), action) for action in ("added", "changed", "removed"))
    told = ", ".join(f"{count} {action}" for count, action in counts if count)
    return f"Imported: {told or 'all peers of the file were so already'}."
