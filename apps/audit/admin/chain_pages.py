"""Verifying, signing and exporting the log from the panel.

A log that is too long for one request is verified in the background, with a page that says how far that is.
"""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from apps.audit.checkpoints import NoCheckpoint, marks, newest_checkpoint, take_checkpoint
from apps.audit.export import export_stream
from apps.audit.model_admin import LookedAtAdmin
from apps.audit.models import Checkpoint, Verification
from apps.audit.reports import Report, last_report, report
from apps.audit.rows import head
from apps.audit.verification import PAGE, Verified, verify_page
from apps.panel.job_pages import begun
from apps.panel.jobs import Job

STEP = 10 * PAGE
"""Rows that a request verifies, and a job between two words on how far it is: some tenths of a second."""


@dataclass(frozen=True, slots=True)
class ChainState:
    """What the list of changes shows of the chain: what was verified, what is signed, and what came after."""

    last: int
    """Number of the newest row; 0 where there is none."""
    verified: Verification | None
    signed: Checkpoint | None

    @property
    def not_verified(self) -> int:
        return max(0, self.last - (self.verified.number if self.verified else 0))

    @property
    def not_signed(self) -> int:
        return max(0, self.last - (self.signed.number if self.signed else 0))

    @property
    def signed_at(self) -> str:
        """As the panel writes times."""
        return self.signed.signed_at[:16].replace("T", " ") if self.signed else ""


def chain_state() -> ChainState:
    return ChainState(head()[0], last_report(), newest_checkpoint())


class ChainPages(LookedAtAdmin):
    """Adds the state of the chain above the list, and the ways to verify, sign and export it."""

    list_before_template = "audit/chain.html"

    def get_urls(self) -> list[Any]:
        own = [
            path("verify/", self.admin_site.admin_view(self.verify_view), name="audit_auditentry_verify"),
            path("sign/", self.admin_site.admin_view(self.sign_view), name="audit_auditentry_sign"),
            path("export/", self.admin_site.admin_view(self.export_view), name="audit_auditentry_export"),
        ]
        return own + super().get_urls()

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        chain = {"chain": chain_state(), "may_sign": _may_sign(request)} if request.method == "GET" else {}
        return super().changelist_view(request, {**chain, **(extra_context or {})})

    def verify_view(self, request: HttpRequest) -> HttpResponse:
        """A step, and the page that takes the next; at the end the list, with what was found."""
        self._require(request)
        if request.method != "POST":
            return HttpResponseRedirect(self._list_url())
        after = verify_page(Verified(), marks(), STEP)
        if not after.at_end:
            job = Job("verification", "Verification of the log", "audit.view_auditentry", self._list_url(), promise="")
            return begun(request, job, lambda job: _verify_further(job, after))
        self._tell(request, report(after))
        return HttpResponseRedirect(self._list_url())

    def sign_view(self, request: HttpRequest) -> HttpResponse:
        self._require(request)
        if not _may_sign(request):
            raise PermissionDenied
        return require_POST(self._sign)(request)

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        self._require(request)
        return require_safe(_export)(request)

    def _sign(self, request: HttpRequest) -> HttpResponse:
        try:
            made = take_checkpoint()
            self.message_user(request, f"The node has signed the log up to row {made.number}.", messages.SUCCESS)
        except NoCheckpoint as error:
            self.message_user(request, f"Not signed: {error}", messages.ERROR)
        return HttpResponseRedirect(self._list_url())

    def _tell(self, request: HttpRequest, found: Report) -> None:
        """What is wrong stands above the list, for longer than a message does."""
        if found.holds:
            self.message_user(request, _found_words(found), messages.SUCCESS)

    def _require(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _list_url(self) -> str:
        return reverse("admin:audit_auditentry_changelist")


def _may_sign(request: HttpRequest) -> bool:
    return request.user.has_perm("audit.add_checkpoint")


def _verify_further(job: Job, at: Verified) -> str:
    """The work of a job: all that is left, by the marks that there are when it begins."""
    signed = marks()
    while not at.at_end:
        job.tell("rows that hold", at.number, max(head()[0], at.number))
        at = verify_page(at, signed, STEP)
    return _found_words(report(at))


def _found_words(found: Report) -> str:
    if found.holds:
        return f"Every row holds, up to {found.number}."
    return f"Rows hold up to {found.number}, and something is wrong: it stands above the list of changes."


def _export(request: HttpRequest) -> StreamingHttpResponse:
    name = f"alknet-audit-{timezone.now():%Y%m%d-%H%M%S}.ndjson"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingHttpResponse(export_stream(), content_type="application/x-ndjson", headers=headers)
