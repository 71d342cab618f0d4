"""The panel's page of keys that nobody knows: one click makes a peer of one, another puts it out of sight."""

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
from apps.enrolment.errors import Absent
from apps.enrolment.models import Stranger
from apps.enrolment.words import refusal_words
from apps.peers.drafts import split_scopes
from node.core.peers import InvalidPeer

PAGE = 25
DAY = 86_400.0


@admin.register(Stranger)
class StrangerAdmin(WatchedAdmin):
    def get_urls(self) -> list[Any]:
        return [
            path("", self.guarded(self.list_view), name="enrolment_stranger_changelist"),
            path("<str:key>/admit/", self.guarded(self.admit_view), name="enrolment_stranger_admit"),
            path("<str:key>/dismiss/", self.guarded(self.dismiss_view), name="enrolment_stranger_dismiss"),
        ]

    def list_view(self, request: HttpRequest) -> HttpResponse:
        """The page, or with `part` in the address what of it changes."""
        found = selectors.strangers(request.GET.get("page", ""), PAGE)
        facts = {"found": found, "may_decide": request.user.has_perm("enrolment.change_stranger")}
        if "part" in request.GET:
            return self.fragment(request, "enrolment/stranger_list.html", **facts)
        return self.page(request, "enrolment/strangers.html", "Unknown keys", **facts)

    @method_decorator(require_POST)
    def admit_view(self, request: HttpRequest, key: str) -> HttpResponse:
        _require(request)
        try:
            entry = services.admit_stranger(
                actor=user_actor(request.user),
                fingerprint=key,
                peer_id=request.POST.get("peer_id", "").strip(),
                scopes=split_scopes(request.POST.get("scopes", "")),
            )
        except (Absent, InvalidPeer) as error:
            self.message_user(request, f"Nobody was admitted: {refusal_words(error)}", messages.ERROR)
        else:
            self.message_user(request, f"“{entry.peer_id}” is a peer now.", messages.SUCCESS)
        return _back()

    @method_decorator(require_POST)
    def dismiss_view(self, request: HttpRequest, key: str) -> HttpResponse:
        _require(request)
        seconds = DAY if request.POST.get("for") == "day" else None
        try:
            services.dismiss_stranger(actor=user_actor(request.user), fingerprint=key, seconds=seconds)
        except Absent as error:
            self.message_user(request, str(error), messages.INFO)
        else:
            words = "for a day" if seconds else "for good"
            self.message_user(
                request, f"The key is out of sight {words}. It gets in as little as before.", messages.SUCCESS
            )
        return _back()


def _require(request: HttpRequest) -> None:
    if not request.user.has_perm("enrolment.change_stranger"):
        raise PermissionDenied


def _back() -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:enrolment_stranger_changelist"))
