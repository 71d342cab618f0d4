"""The panel's page of claims: what waits for a decision, each with the digits to compare, and what was decided."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST

from apps.activity.admin.base import WatchedAdmin
from apps.audit.actors import user_actor
from apps.enrolment import selectors, services
from apps.enrolment.errors import Absent, Conflict
from apps.enrolment.models import Claim
from apps.enrolment.words import refusal_words
from node.core.peers import InvalidPeer

MAX_SHOWN = 50
"""Claims that wait and are shown at once; the next come when some are decided."""
MAX_DECIDED = 20


@admin.register(Claim)
class ClaimAdmin(WatchedAdmin):
    def get_urls(self) -> list[Any]:
        return [
            path("", self.guarded(self.list_view), name="enrolment_claim_changelist"),
            path("<str:claim_id>/approve/", self.guarded(self.approve_view), name="enrolment_claim_approve"),
            path("<str:claim_id>/refuse/", self.guarded(self.refuse_view), name="enrolment_claim_refuse"),
        ]

    def list_view(self, request: HttpRequest) -> HttpResponse:
        """The page, or with `part` in the address what of it changes."""
        facts = {
            "waiting": selectors.waiting_claims(MAX_SHOWN),
            "total": selectors.count_queued(),
            "decided": selectors.decided_claims(MAX_DECIDED),
            "may_decide": _may_decide(request),
            "may_invite": request.user.has_perm("enrolment.add_invite"),
        }
        if "part" in request.GET:
            return self.fragment(request, "enrolment/claim_list.html", **facts)
        return self.page(request, "enrolment/claims.html", "Claims", **facts)

    @method_decorator(require_POST)
    def approve_view(self, request: HttpRequest, claim_id: str) -> HttpResponse:
        _require(request)
        try:
            claim = services.approve(
                actor=user_actor(request.user),
                claim_id=claim_id,
                sas=request.POST.get("sas", ""),
                peer_id=request.POST.get("peer_id", "").strip() or None,
            )
        except (Absent, Conflict, InvalidPeer) as error:
            self.message_user(request, f"Nobody was admitted: {refusal_words(error)}", messages.ERROR)
        else:
            self.message_user(request, f"“{claim.peer_id}” is a peer now.", messages.SUCCESS)
        return _back()

    @method_decorator(require_POST)
    def refuse_view(self, request: HttpRequest, claim_id: str) -> HttpResponse:
        _require(request)
        try:
            services.refuse(actor=user_actor(request.user), claim_id=claim_id)
        except (Absent, Conflict) as error:
            self.message_user(request, f"Nothing was declined: {error}", messages.ERROR)
        else:
            self.message_user(request, "The claim is declined.", messages.SUCCESS)
        return _back()


def _may_decide(request: HttpRequest) -> bool:
    return request.user.has_perm("enrolment.change_claim")


def _require(request: HttpRequest) -> None:
    if not _may_decide(request):
        raise PermissionDenied


def _back() -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:enrolment_claim_changelist"))
