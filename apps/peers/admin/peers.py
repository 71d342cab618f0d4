"""The panel's pages of peers. Every write goes through the services, as the signed-in user."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.html import format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from apps.audit.actors import user_actor
from apps.audit.model_admin import page_action
from apps.peers import selectors, services
from apps.peers.admin.base import AccessAdmin
from apps.peers.admin.bulk import BulkActs
from apps.peers.admin.display import end_label, key_spellings
from apps.peers.admin.files import FilePages
from apps.peers.admin.filters import ConnectedFilter, ExpiryFilter, ScopeFilter, TokenFilter
from apps.peers.admin.now import add_presence, may_see_presence, presence_label, with_presence
from apps.peers.admin.paginator import NamesFirst
from apps.peers.agreed import FIELD, agreement
from apps.peers.digests import state_digest
from apps.peers.forms import PeerForm, PeerRowForm, PeerRows, RotationForm
from apps.peers.impact import impact_between
from apps.peers.listing import MORE_FILTERS, EitherFilter
from apps.peers.models import Peer
from apps.peers.search import matching

_SWITCHED = "_alknet_switched"
"""Where a request keeps which switches of the list it has saved."""
_NAMED = 5
"""So many peers a message names; of more it tells the number."""


@admin.register(Peer)
class PeerAdmin(BulkActs, FilePages, AccessAdmin):
    object_type = "peer"
    name_field = "peer_id"
    form = PeerForm
    list_display = ["peer_id", "display_name", "enabled", "key_count", "scope_count", "has_token", "ends"]
    list_editable = ["enabled"]
    paginator = NamesFirst
    search_fields = ["peer_id", "display_name", "fingerprints", "scopes"]
    search_as_you_type = True
    list_before_template = "panel/saved_filters_of_list.html"
    show_full_result_count = False
    list_per_page = 25  # each row is a form of its own; a list that is searched while one types is to be quick
    search_help_text = "Name, note, scope or key"
    readonly_fields = ["spellings", "has_token", "ends", "noted"]
    actions_detail = ["rotate_key", "issue_token", "clear_token", "lock"]
    warn_unsaved_form = True

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        keys = ["keys", "spellings"] if obj else ["keys"]
        token = ["has_token"] if obj else []
        beside = ["expires_at", "notes"]
        if obj is not None and not self.has_change_permission(request, obj):
            beside = ["ends", "noted"]
        else:
            token.append("auth_token_hash")
        return [
            (None, {"fields": ["peer_id", "display_name", "enabled", *beside]}),
            ("Identity", {"fields": keys, "description": "The keys by which the peer proves who it is."}),
            ("Rights", {"fields": ["scopes", "resources"]}),
            ("Without a key", {"fields": token, "description": "A token is for clients that cannot show a key."}),
        ]

    def get_changelist_formset(self, request: HttpRequest, **kwargs: Any) -> Any:
        return super().get_changelist_formset(request, formset=PeerRows, **kwargs)

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        return super().get_changelist_form(request, form=PeerRowForm, **kwargs)

    def get_list_display(self, request: HttpRequest) -> Any:
        """With who is connected now, for those who may know. Last, for links that sort name a column by its place."""
        return [*self.list_display, "now"] if may_see_presence(request) else self.list_display

    def get_list_filter(self, request: HttpRequest) -> Any:
        offered: list[type[EitherFilter]] = [TokenFilter, ConnectedFilter, *MORE_FILTERS]
        return [
            "enabled",
            ExpiryFilter,
            *(one for one in offered if request.user.has_perm(one.permission)),
            ScopeFilter,
        ]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The rows of the page know their presence: one look for all of them."""
        changelist = super().get_changelist_instance(request)
        changelist.full_result_count = changelist.result_count  # the heading would go on telling of an older search
        if may_see_presence(request):
            add_presence(changelist.result_list)
        return changelist

    def get_queryset(self, request: HttpRequest) -> QuerySet[Peer]:
        rows = selectors.with_counts(super().get_queryset(request))
        return with_presence(rows) if may_see_presence(request) else rows

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Peer], search_term: str
    ) -> tuple[QuerySet[Peer], bool]:
        """A key in any spelling, or words; the rows themselves are narrowed, so that none is found twice."""
        return matching(queryset, search_term), False

    def save_model(self, request: HttpRequest, obj: Peer, form: ModelForm, change: Any) -> None:
        """From the peer's own form, or from a row of the list, which holds `enabled` only."""
        actor = user_actor(request.user)
        if not isinstance(form, PeerForm):
            enabled: bool = form.cleaned_data["enabled"]
            services.set_peers_enabled(actor=actor, peer_ids=[obj.pk], enabled=enabled)
            _switched(request).append((obj.pk, enabled))
        elif form.original_id is None:
            services.create_peer(actor=actor, draft=form.draft())
        else:
            services.update_peer(actor=actor, peer_id=form.original_id, changes=form.draft())

    def message_user(self, request: HttpRequest, message: Any, *args: Any, **kwargs: Any) -> None:
        """Of a saved list Django tells how many peers were changed; here it is which, and how."""
        switched = _switched(request)
        super().message_user(request, _switched_words(switched) if switched else message, *args, **kwargs)
        switched.clear()

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """A peer without a token has none to clear."""
        peer = self.get_object(request, unquote(str(object_id)))
        hidden = "peers_peer_clear_token" if peer is None or peer.auth_token_hash is None else None
        offered = super().get_actions_detail(request, object_id)  # type: ignore[misc] # unfold has no types
        return [action for action in offered if action.action_name != hidden]

    def response_change(self, request: HttpRequest, obj: Peer) -> HttpResponse:
        """Django leads back to the path of the request, which a rename has left without a peer."""
        request.path = reverse("admin:peers_peer_change", args=[quote(obj.pk)])
        return super().response_change(request, obj)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """With what goes, and for the peer as the page showed it."""
        state = selectors.find_state(unquote(object_id))
        if state is None or not self.has_delete_permission(request):
            return super().delete_view(request, object_id, extra_context)
        found = impact_between(state, None)
        agreed = agreement(found, state_digest(state))
        if request.method == "POST" and not constant_time_compare(request.POST.get(FIELD, agreed), agreed):
            self.message_user(request, "What would go is another by now. Nothing was deleted.", messages.WARNING)
            return HttpResponseRedirect(request.get_full_path())
        return super().delete_view(request, object_id, {"loss": found, "agreed": agreed, **(extra_context or {})})

    def delete_model(self, request: HttpRequest, obj: Peer) -> None:
        services.remove_peers(actor=user_actor(request.user), peer_ids=[obj.pk])

    @page_action("Rotate key", url_path="rotate-key", icon="autorenew")
    def rotate_key(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A new key beside an old one, which ends after a while."""
        peer = self._changeable(request, object_id)
        form = RotationForm(request.POST or None, state=selectors.state_held(peer))
        if request.method != "POST" or not form.is_valid():
            return self.page(request, peer, "peers/rotate_key.html", form=form)
        services.rotate_key(actor=user_actor(request.user), peer_id=peer.pk, **form.values())
        self.message_user(request, f"“{peer}” has a new key.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:peers_peer_change", args=[quote(peer.pk)]))

    @page_action("Issue token", url_path="issue-token", icon="key")
    def issue_token(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask first; then make a token and show it on the answer itself, the only place where it ever is."""
        peer = self._changeable(request, object_id)
        if request.method != "POST":
            return self.page(request, peer, "peers/issue_token.html")
        token = services.issue_peer_token(actor=user_actor(request.user), peer_id=peer.pk)
        return self.page(request, peer, "peers/secret.html", secret=token, noun="token")

    @page_action("Clear token", url_path="clear-token", icon="key_off")
    def clear_token(self, request: HttpRequest, object_id: str) -> HttpResponse:
        peer = self._changeable(request, object_id)
        if request.method != "POST":
            return self.page(request, peer, "peers/clear_token.html")
        services.clear_peer_token(actor=user_actor(request.user), peer_id=peer.pk)
        self.message_user(request, f"“{peer}” has no token any more.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:peers_peer_change", args=[quote(peer.pk)]))

    @admin.display(description="now", ordering="here")
    def now(self, peer: Peer) -> SafeString:
        return presence_label(peer)

    def has_lock_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("locks.add_lock")

    @page_action("Lock", url_path="lock", icon="block", permission="lock")
    def lock(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Leads to the form of a new lock, filled in for this peer."""
        wanted = urlencode({"target_kind": "peer", "target": unquote(str(object_id))})
        return HttpResponseRedirect(f"{reverse('admin:locks_lock_add')}?{wanted}")

    @admin.display(description="expires", ordering="ends_at")
    def ends(self, peer: Peer) -> str:
        return end_label(getattr(peer, "ends_at", None))

    @admin.display(description="notes")
    def noted(self, peer: Peer) -> str:
        return selectors.state_held(peer).terms.notes or "none"

    @admin.display(description="keys", ordering="key_count")
    def key_count(self, peer: Peer) -> int:
        return len(peer.entry().fingerprints)

    @admin.display(description="scopes", ordering="scope_count")
    def scope_count(self, peer: Peer) -> int:
        return len(peer.entry().scopes)

    @admin.display(description="token", ordering="auth_token_hash")
    def has_token(self, peer: Peer) -> str:
        return "set" if peer.auth_token_hash else "none"  # a form that is shown again leaves an empty one on the row

    @admin.display(description="all spellings")
    def spellings(self, peer: Peer) -> SafeString:
        state = selectors.state_held(peer)
        ends = state.terms.key_expires_at
        return format_html_join("", "{}", ((key_spellings(name, ends.get(name)),) for name in state.entry.fingerprints))

    def _changeable(self, request: HttpRequest, object_id: str) -> Peer:
        peer: Peer | None = self.get_object(request, unquote(object_id))
        if peer is None:
            raise Http404
        if not self.has_change_permission(request, peer):
            raise PermissionDenied
        return peer


def _switched(request: HttpRequest) -> list[tuple[str, bool]]:
    """The switches that this request has saved so far: (name, on)."""
    if not hasattr(request, _SWITCHED):
        setattr(request, _SWITCHED, [])
    saved: list[tuple[str, bool]] = getattr(request, _SWITCHED)
    return saved


def _switched_words(switched: list[tuple[str, bool]]) -> str:
    """“Enabled tablet. Disabled laptop, phone.”"""
    parts = []
    for verb, on in (("Enabled", True), ("Disabled", False)):
        names = [name for name, enabled in switched if enabled is on]
        if names:
            parts.append(f"{verb} {', '.join(names) if len(names) <= _NAMED else f'{len(names)} peers'}.")
    return " ".join(parts)
