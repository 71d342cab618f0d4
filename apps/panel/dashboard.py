"""What the first page shows: how much there is, what happens now, whether the node runs, what was changed last."""

from dataclasses import replace
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from apps.audit.selectors import recent_entries
from apps.backups.selectors import notice
from apps.health.selectors import health_report
from apps.panel.node_facts import node_facts
from apps.panel.node_state import node_state
from apps.panel.now import now, window_called
from apps.peers.selectors import counts
from node.core.health import failing

RECENT_CHANGES = 8
SEES_NOW = ("activity.view_event", "activity.view_connection")
"""Who has both of these sees what happens now."""


def dashboard_context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Called by the admin's index view. A user sees numbers and changes of what they may view."""
    may = request.user.has_perm
    context["counts"] = counts() if may("peers.view_peer") else None
    context["may_add_peer"] = may("peers.add_peer")
    return context | _changing(request)


def dashboard_parts(request: HttpRequest) -> HttpResponse:
    """What of the first page changes while it is looked at, for its script."""
    return TemplateResponse(request, "panel/dashboard_parts.html", _changing(request))


def _changing(request: HttpRequest) -> dict[str, Any]:
    may = request.user.has_perm
    state = node_state(settings.PATHS.control_socket)
    return {
        "now": now(window_called(request.GET.get("span", ""))) if request.user.has_perms(SEES_NOW) else None,
        "node": node_facts(settings.PATHS, listen=settings.ALKNET.node.listen, browser_host=request.get_host()),
        "failing": failing(health_report()),
        "node_state": state if may("credentials.view_credential") else replace(state, waiting=()),
        "backups": notice(every=settings.ALKNET.backup.every * 3600) if may("backups.view_backup") else None,
        "changes": recent_entries(RECENT_CHANGES) if may("audit.view_auditentry") else None,
    }
