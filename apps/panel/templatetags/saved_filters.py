"""The saved filters of a list, above it: to choose one, and to save what the list shows now."""

from typing import Any

from django import template

from apps.panel.saved.lists import LISTS
from apps.panel.saved.selectors import may_share, seen_by
from apps.panel.saved.services import MAX_NAME

register = template.Library()


@register.inclusion_tag("panel/saved_filters.html", takes_context=True)
def saved_filters(context: dict[str, Any], list_name: str) -> dict[str, Any]:
    request, one = context["request"], LISTS[list_name]
    now, _ = one.known(request.GET.urlencode())
    rows = seen_by(request.user).filter(list_name=list_name)
    found = [{"row": row, "query": one.known(row.query)[0]} for row in rows]
    return {
        "found": [each | {"chosen": each["query"] == now} for each in found],
        "chosen": next((each["row"] for each in found if each["query"] == now), None),
        "now": now,
        "list_name": list_name,
        "max_name": MAX_NAME,
        "may_share": may_share(request.user, list_name),
        "csrf_token": context.get("csrf_token"),
    }
