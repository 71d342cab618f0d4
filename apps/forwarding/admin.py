"""The panel's pages of the rules of forwarding. Every write goes through the services."""

from collections.abc import Collection
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_POST

from apps.audit.actors import user_actor
from apps.audit.model_admin import AuditedModelAdmin
from apps.forwarding import selectors, services
from apps.forwarding.errors import Absent
from apps.forwarding.forms import RuleForm
from apps.forwarding.models import Rule
from apps.forwarding.unknown import unknown_names
from apps.panel.signs import sign
from node.core.forwarding.rules import InvalidRule

_FIELDS = ["position", "action", "target", "principals", "direction", "transports", "note"]
_WAYS = {"local": "the node connects", "remote": "the node listens"}
_OVER = {"quic": "QUIC", "tcp": "TCP", "channel": "a channel"}
_TONES = {"allow": "good", "deny": "bad"}


@admin.register(Rule)
class RuleAdmin(AuditedModelAdmin):
    object_type = services.OBJECT_TYPE
    name_field = "id"
    form = RuleForm
    list_per_page = services.MAX_RULES
    list_display = ["sentence", "who", "how", "note"]
    list_display_links = ["sentence"]
    list_after_template = "forwarding/after_rules.html"
    sortable_by = ()
    """The order is what the rules mean: no other is shown."""
    search_fields = ["target", "principals", "note"]
    search_help_text = "Target, peer, scope or note"
    fieldsets = [
        ("Rule", {"fields": ["position", "action", "target"], "description": "The first that matches decides."}),
        ("For whom", {"fields": ["principals", "direction", "transports"]}),
        (None, {"fields": ["note"]}),
    ]

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(require_POST(self.move))
        return [path("<path:object_id>/move/", view, name="forwarding_rule_move"), *super().get_urls()]

    def get_list_display(self, request: HttpRequest) -> Any:
        return [*self.list_display, *(["moves"] if self.has_change_permission(request) else [])]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rule]:
        """In their order."""
        rows: QuerySet[Rule] = super().get_queryset(request)
        return rows.order_by("position", "id")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Each row knows how many there are, and in which order, for its buttons; and which names nobody has.

        The order is read before the rows: where they are changed in between, nothing is moved by what the list shows.
        """
        count, order = Rule.objects.count(), selectors.order_digest()
        found = super().get_changelist_instance(request)
        rows = list(found.result_list)
        unknown = unknown_names(rows)
        for row in rows:
            row.count, row.order, row.unknown = count, order, unknown
        found.result_list = rows
        return found

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002 - Django's
        """The fields are the form's own: none is made of the model's."""
        return self.form

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """To whoever may only look."""
        return [] if self.has_change_permission(request) else ["sentence", "who", "how", "note"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        own = [(None, {"fields": ["sentence", "who", "how", "note"]})]
        return self.fieldsets if self.has_change_permission(request) else own

    def save_model(self, request: HttpRequest, obj: Rule, form: ModelForm, change: Any) -> None:
        wish = form.wish()  # type: ignore[attr-defined] # it is a RuleForm
        actor = user_actor(request.user)
        if change:
            services.change_rule(actor=actor, rule_id=obj.pk, **wish)
        else:
            obj.pk = services.add_rule(actor=actor, **wish).pk
        obj.refresh_from_db()

    def delete_model(self, request: HttpRequest, obj: Rule) -> None:
        services.remove_rules(actor=user_actor(request.user), rule_ids=[obj.pk])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Rule]) -> None:
        services.remove_rules(actor=user_actor(request.user), rule_ids=queryset.values_list("pk", flat=True))

    def move(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """To the place that the button names; back to the list. Not where the list has another order by now."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        try:
            place = int(request.POST.get("to", "")[:9])
            with transaction.atomic():
                _require_order(request.GET.get("seen"))
                row = services.move_rule(actor=user_actor(request.user), rule_id=unquote(object_id), position=place)
        except _Moved:
            self.message_user(request, "The rules were changed meanwhile. Nothing was moved.", messages.ERROR)
        except Absent:
            raise Http404 from None
        except (ValueError, InvalidRule):
            self.message_user(request, "That is no place.", messages.ERROR)
        else:
            self.message_user(request, f"Moved: {row}.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:forwarding_rule_changelist"))

    @admin.display(description="rule")
    def sentence(self, row: Rule) -> SafeString:
        action = sign(_TONES.get(row.action, "bad"), row.action)
        told = format_html('{}. {} <span class="alknet-mono">{}</span>', row.position, action, row.target)
        damaged = sign("bad", "cannot be read: all is refused from here on") if row.damaged else ""
        return format_html("{} {}", told, damaged)

    @admin.display(description="for")
    def who(self, row: Rule) -> SafeString | str:
        """With what nobody is called, and no scope of anybody."""
        unknown: Collection[str] = getattr(row, "unknown", ())
        mark = format_html(" {}", sign("warning", "nobody now"))
        told = [(name, mark if name in unknown else "") for name in row.names("principals")]
        return format_html("<span>{}</span>", format_html_join(", ", "{}{}", told)) if told else "every peer"

    @admin.display(description="how")
    def how(self, row: Rule) -> str:
        """“the node connects, over QUIC or TCP”."""
        ways = [_WAYS.get(name, name) for name in row.names("directions")]
        over = " or ".join(_OVER.get(name, name) for name in row.names("transports"))
        return ", ".join([*ways, *([f"over {over}"] if over else [])]) or "any way"

    @admin.display(description="move")
    def moves(self, row: Rule) -> SafeString:
        """Buttons of the list's own form, each of which posts to the address of the move."""
        count: int = row.count  # type: ignore[attr-defined] # of the list
        up, down = _button(row, row.position - 1, count, "up", "↑"), _button(row, row.position + 1, count, "down", "↓")
        return format_html('<span class="alknet-nowrap">{} {}</span>', up, down)


class _Moved(Exception):
    """The rules are in another order than whoever moves one has seen."""


def _require_order(seen: str | None) -> None:
    """Raises _Moved."""
    if seen is not None and seen != selectors.order_digest():
        raise _Moved


def _button(row: Rule, place: int, count: int, words: str, arrow: str) -> SafeString:
    """Where there is no such place the button stands there all the same, so that all are in a line."""
    markup = (
        '<button type="submit" class="alknet-button" formaction="{}?seen={}" formnovalidate name="to" value="{}"'
        ' aria-label="Move {} {}"{}>{}</button>'
    )
    address, order = reverse("admin:forwarding_rule_move", args=[row.pk]), row.order  # type: ignore[attr-defined] # likewise
    disabled = "" if 1 <= place <= count else mark_safe(" disabled")
    return format_html(markup, address, order, place, row.target, words, disabled, arrow)
