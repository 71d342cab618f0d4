"""Rotating credentials from the panel, in steps that a page takes by itself until the work is done.

Each step is a request that rotates a few, and answers with how far it is. The state is in the rows: a page that is
closed half-way loses nothing, and the next rotation ends what it left.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from apps.audit.actors import user_actor
from apps.audit.model_admin import page_action
from apps.credentials import selectors, services
from apps.credentials.errors import Absent, NodeUnavailable
from apps.credentials.models import Credential
from apps.credentials.services import Outcome, Plan
from node.core.credentials import InvalidCredential

if TYPE_CHECKING:  # unfold has no types; its ModelAdmin is Django's with another look
    from django.contrib.admin import ModelAdmin
else:
    from unfold.admin import ModelAdmin

STEP = 20
"""Credentials that one request rotates: well under a second."""
MAX_SELECTED = 500
"""Names that a page carries from step to step; all of them need no names."""
MAX_FAILED = 100
"""So many that cannot be opened end a rotation: the database is hardly this vault's."""
_NAMED = 5
"""So many credentials a message names; of more it tells the number."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """What one step is asked for: these, or all where there are no names, without those that have failed before."""

    to: int | None
    names: tuple[str, ...] | None
    failed: tuple[str, ...] = ()

    @classmethod
    def of(cls, request: HttpRequest) -> "_Wish":
        """What the page sends; its version is junk where it is no number, which is refused like any other."""
        given = request.POST.get("to", "")
        names = None if "all" in request.POST else tuple(request.POST.getlist("provider")[:MAX_SELECTED])
        failed = tuple(request.POST.getlist("failed")[:MAX_FAILED])
        return cls(int(given) if given.isascii() and given.isdigit() and len(given) < 12 else 0, names, failed)

    def plan(self) -> Plan:
        """Of what is there still. Raises InvalidCredential."""
        if self.names is None:
            return services.plan_rotation(to=self.to)
        known = selectors.key_versions()
        return services.plan_rotation(providers=[name for name in self.names if name in known], to=self.to)


class RotationPages(ModelAdmin):
    """Adds the ways to rotate: a list action for those selected, and a button for all."""

    actions = ["rotate_selected"]
    actions_list = ["rotate_all"]

    @admin.action(description="Rotate to a newer key", permissions=["change"])
    def rotate_selected(self, request: HttpRequest, queryset: QuerySet[Credential]) -> HttpResponse | None:
        names = tuple(queryset.values_list("pk", flat=True))
        everything = len(names) == len(selectors.key_versions())
        if len(names) > MAX_SELECTED and not everything:
            self.message_user(request, f"Select at most {MAX_SELECTED}, or rotate all.", messages.ERROR)
            return None
        return self._confirm(request, _Wish(None, None if everything else names))

    @page_action("Rotate all", url_path="rotate", icon="autorenew")
    def rotate_all(self, request: HttpRequest) -> HttpResponse:
        """Asks first; then each POST is a step, of all or of those that the page names."""
        if request.method != "POST":
            return self._confirm(request, _Wish(None, None))
        try:
            return self._step(request, _Wish.of(request))
        except (Absent, InvalidCredential) as error:
            self.message_user(request, f"Nothing more was rotated: {error}", messages.ERROR)
            return HttpResponseRedirect(self._list_url())

    def get_actions_list(self, request: HttpRequest) -> Any:
        """Where there is no credential, there is nothing to rotate."""
        offered = super().get_actions_list(request)  # type: ignore[misc] # unfold has no types
        return offered if selectors.newest_key_version() is not None else []

    def _confirm(self, request: HttpRequest, wish: _Wish) -> HttpResponse:
        plan = wish.plan()
        if plan.providers:
            return self._page(request, wish, plan, left=len(plan.providers), asked=False)
        words = f"Already under version {plan.to} of the key." if plan.there else "There is nothing to rotate."
        self.message_user(request, words, messages.INFO)
        return HttpResponseRedirect(self._list_url())

    def _step(self, request: HttpRequest, wish: _Wish) -> HttpResponse:
        """Rotate the next few, and show how far it is or, at the end, the list."""
        plan = wish.plan()
        todo = [name for name in plan.providers if name not in wish.failed]
        failed, done, stopped = list(wish.failed), 0, ""
        try:
            for step in services.rotate_credentials(
                actor=user_actor(request.user), plan=Plan(plan.to, tuple(todo[:STEP]), plan.there)
            ):
                done += 1
                if step.outcome is Outcome.FAILED:
                    failed.append(step.provider)
        except NodeUnavailable as error:
            stopped = str(error)
        wish = _Wish(plan.to, wish.names, tuple(failed))
        if len(failed) >= MAX_FAILED or done == len(todo):
            return self._finish(request, wish, plan, untried=len(todo) - done)
        return self._page(request, wish, plan, left=len(todo) - done, asked=True, stopped=stopped)

    def _finish(self, request: HttpRequest, wish: _Wish, plan: Plan, *, untried: int) -> HttpResponse:
        if wish.failed:
            rest = f", and {len(wish.failed) - _NAMED} more" if len(wish.failed) > _NAMED else ""
            words = f"The node could not open {', '.join(wish.failed[:_NAMED])}{rest}: left as they were."
            after = f" The other {untried} were not tried." if untried else ""
            self.message_user(request, words + after, messages.ERROR)
        rotated = plan.there + len(plan.providers) - len(wish.failed) - untried
        words = f"{rotated} credential{' is' if rotated == 1 else 's are'} under version {plan.to} of the key now."
        self.message_user(request, words, messages.SUCCESS if rotated else messages.INFO)
        return HttpResponseRedirect(self._list_url())

    def _page(
        self, request: HttpRequest, wish: _Wish, plan: Plan, *, left: int, asked: bool, stopped: str = ""
    ) -> HttpResponse:
        total = plan.there + len(plan.providers)
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": "Rotate credentials",
            "opts": self.opts,
            "wish": wish,
            "to": plan.to,
            "total": total,
            "left": left,
            "done": total - left,
            "there": plan.there,
            "started": asked,
            "stopped": stopped,
            "rotate_url": reverse("admin:credentials_credential_rotate_all"),
            "list_url": self._list_url(),
        }
        return TemplateResponse(request, "credentials/rotate.html", context)

    def _list_url(self) -> str:
        return reverse("admin:credentials_credential_changelist")
