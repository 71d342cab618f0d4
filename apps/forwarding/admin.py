"""The panel's pages of the rules of forwarding. Every write goes through the services."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet, Value
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from apps.audit.actors import user_actor
from apps.audit.model_admin import AuditedModelAdmin
from apps.forwarding import services
from apps.forwarding.errors import Absent
from apps.forwarding.forms import RuleForm
from apps.forwarding.models import Rule
from node.core.forwarding.rules import InvalidRule

_FIELDS = ["position", "action", "target", "principals", "direction", "transports", "note"]
_WAYS = {"local": "to it", "remote": "from it"}


@admin.register(Rule)
class RuleAdmin(AuditedModelAdmin):
    object_type = services.OBJECT_TYPE
    name_field = "id"
    form = RuleForm
    list_per_page = services.MAX_RULES
    list_display = ["sentence", "who", "how", "note"]
    list_display_links = ["sentence"]
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
        """In their order; each knows how many there are, so that the last has no button to move it down."""
        rows: QuerySet[Rule] = super().get_queryset(request)
        return rows.order_by("position", "id").annotate(count=Value(Rule.objects.count()))

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
        """To the place that the button names; back to the list."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        try:
            place = int(request.POST.get("to", "")[:9])
            row = services.move_rule(actor=user_actor(request.user), rule_id=unquote(object_id), position=place)
        except Absent:
            raise Http404 from None
        except (ValueError, InvalidRule):
            self.message_user(request, "That is no place.", messages.ERROR)
        else:
            self.message_user(request, f"Moved: {row}.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:forwarding_rule_changelist"))

    @admin.display(description="rule")
    def sentence(self, row: Rule) -> SafeString:
        return format_html('{}. <span class="alknet-mono">{} {}</span>', row.position, row.action, row.target)

    @admin.display(description="for")
    def who(self, row: Rule) -> str:
        return ", ".join(row.names("principals")) or "every peer"

    @admin.display(description="how")
    def how(self, row: Rule) -> str:
        """“to it, over quic”."""
        ways = [_WAYS.get(name, name) for name in row.names("directions")]
        over = ", ".join(row.names("transports"))
        return ", ".join([*ways, *([f"over {over}"] if over else [])]) or "-"

    @admin.display(description="move")
    def moves(self, row: Rule) -> SafeString:
        """Buttons of the list's own form, each of which posts to the address of the move."""
        up = _button(row, row.position - 1, "up", "↑") if row.position > 1 else ""
        last = row.position >= row.count  # type: ignore[attr-defined] # annotated above
        down = "" if last else _button(row, row.position + 1, "down", "↓")
        return format_html('<span class="alknet-nowrap">{} {}</span>', up, down)


def _button(row: Rule, place: int, words: str, arrow: str) -> SafeString:
    markup = (
        '<button type="submit" class="alknet-button" formaction="{}" formnovalidate name="to" value="{}"'
        ' aria-label="Move {} {}">{}</button>'
    )
    return format_html(markup, reverse("admin:forwarding_rule_move", args=[row.pk]), place, row.target, words, arrow)
