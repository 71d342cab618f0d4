"""The panel's pages of invitations: made, listed, revoked; never changed. Every write goes through the services."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import Model
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from apps.audit.actors import user_actor
from apps.audit.model_admin import AuditedModelAdmin, page_action
from apps.enrolment import selectors, services
from apps.enrolment.errors import InvalidInvite, NodeUnavailable
from apps.enrolment.forms import InviteForm
from apps.enrolment.models import Invite
from apps.enrolment.picture import qr_svg
from apps.enrolment.place import node_place
from apps.enrolment.selectors import InviteState
from apps.enrolment.services import NewInvite
from apps.enrolment.words import moment_words, peer_end_words
from apps.panel.signs import sign

_MADE = "_alknet_made"
"""Where a request keeps the invitation that it has made: the code is on its answer alone."""
_SHOWN = ["state", "peer_id", "may", "reaches", "left", "until", "approval", "peer_end", "note", "made", "created_by"]


@admin.register(Invite)
class InviteAdmin(AuditedModelAdmin):
    object_type = "invite"
    name_field = "id"
    form = InviteForm
    list_per_page = 50
    list_display = ["whom", "state", "left", "until", "approval", "made", "created_by"]
    search_fields = ["id", "peer_id", "note", "created_by"]
    search_help_text = "Name, note or maker"
    actions_detail = ["revoke"]

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        if obj is not None:
            return [(None, {"fields": _SHOWN})]
        return [
            (None, {"fields": ["peer_id", "needs_approval", "lasts", "uses"]}),
            ("Rights", {"fields": ["scopes", "resources", "peer_lasts", "peer_ends"]}),
            ("Besides", {"fields": ["note", "address"]}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return _SHOWN if obj else []

    def get_form(self, request: HttpRequest, obj: Any = None, change: Any = False, **kwargs: Any) -> Any:  # noqa: FBT002 - Django's
        form = super().get_form(request, obj, change, **kwargs)
        if obj is None:
            form.base_fields["address"].initial = _place_of(request)
        return form

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """It is revoked, in that word, and goes by itself later."""
        return False

    def has_revoke_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("enrolment.delete_invite")

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Where the node was stopped in between, nothing was made, and that is said."""
        try:
            return super().add_view(request, form_url, extra_context)
        except (InvalidInvite, NodeUnavailable) as error:
            self.message_user(request, f"No invitation was made: {error}", messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: Invite, form: ModelForm, change: Any) -> None:
        address, node = node_place(form.cleaned_data["address"], request.get_host())
        wish = form.wish()  # type: ignore[attr-defined] # it is an InviteForm
        made = services.create_invite(actor=user_actor(request.user), address=address, node=node, **wish)
        obj.pk = made.facts.invite_id
        setattr(request, _MADE, made)

    def response_add(self, request: HttpRequest, obj: Invite, post_url_continue: str | None = None) -> HttpResponse:
        """The page with the code: the only place where it ever is."""
        made: NewInvite = getattr(request, _MADE)
        code = made.code.text()
        facts = {"code": code, "picture": qr_svg(code), "invite": made.facts, "address": made.code.address}
        return self._page(request, "enrolment/code.html", title="Invitation", **facts)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        one_button = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().render_change_form(request, context | one_button, *args, **kwargs)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """What nobody can claim any more need not be revoked."""
        row = self.get_object(request, unquote(str(object_id)))
        offered = super().get_actions_detail(request, object_id)  # type: ignore[misc] # unfold has no types
        return offered if row is not None and row.usable() else []

    @page_action("Revoke", url_path="revoke", icon="block", permission="revoke")
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row: Invite | None = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        facts = selectors.invite_facts(row)
        if request.method != "POST":
            return self._page(request, "enrolment/revoke.html", title=f"Revoke: {_whom(row)}", invite=facts)
        services.revoke_invite(actor=user_actor(request.user), invite_id=row.pk)
        self.message_user(request, f"Revoked: {_whom(row)}. Its code is good for nothing now.", messages.SUCCESS)
        return HttpResponseRedirect(self._list_url())

    @admin.display(description="for", ordering="peer_id")
    def whom(self, row: Invite) -> str:
        return _whom(row)

    @admin.display(description="state")
    def state(self, row: Invite) -> SafeString:
        found = selectors.invite_facts(row).state
        tone = "good" if found is InviteState.OPEN else "away"
        return sign(tone, found.value)

    @admin.display(description="scopes")
    def may(self, row: Invite) -> str:
        return ", ".join(row.scopes) or "none"

    @admin.display(description="resources")
    def reaches(self, row: Invite) -> str:
        return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in row.resources.items()) or "none"

    @admin.display(description="uses left", ordering="uses_left")
    def left(self, row: Invite) -> str:
        return f"{row.uses_left} of {row.uses}"

    @admin.display(description="until", ordering="expires_at")
    def until(self, row: Invite) -> str:
        return moment_words(row.expires_at)

    @admin.display(description="asks first", ordering="needs_approval")
    def approval(self, row: Invite) -> str:
        return "yes" if row.needs_approval else "no"

    @admin.display(description="peers end")
    def peer_end(self, row: Invite) -> str:
        return peer_end_words(selectors.invite_facts(row))

    @admin.display(description="made (UTC)", ordering="created_at")
    def made(self, row: Invite) -> str:
        return f"{row.created_at:%Y-%m-%d %H:%M}"

    def _list_url(self) -> str:
        return reverse("admin:enrolment_invite_changelist")

    def _page(self, request: HttpRequest, template: str, **facts: Any) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, "list_url": self._list_url(), **facts}
        return TemplateResponse(request, template, context)


def _whom(row: Invite) -> str:
    return row.peer_id or row.note or ("a new machine" if row.uses == 1 else f"{row.uses} machines")


def _place_of(request: HttpRequest) -> str:
    """What the form offers as the node's address; empty where the node does not run."""
    try:
        return node_place("", request.get_host())[0]
    except (InvalidInvite, NodeUnavailable):
        return ""
