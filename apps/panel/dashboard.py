"""What the first page shows: how much there is, whether the node runs, and what was changed last."""

from dataclasses import replace
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from apps.audit.selectors import recent_entries
from apps.panel.node_facts import node_facts
from apps.panel.node_state import node_state
from apps.peers.selectors import counts

RECENT_CHANGES = 8


def dashboard_context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Called by the admin's index view. A user sees numbers and changes of what they may view."""
    may = request.user.has_perm
    context["counts"] = counts() if may("peers.view_peer") else None
    context["changes"] = recent_entries(RECENT_CHANGES) if may("audit.view_auditentry") else None
    context["node"] = node_facts(settings.PATHS, listen=settings.ALKNET.node.listen, browser_host=request.get_host())
    state = node_state(settings.PATHS.control_socket)
    context["node_state"] = state if may("credentials.view_credential") else replace(state, waiting=())
    context["may_add_peer"] = may("peers.add_peer")
    context["may_nothing"] = not request.user.get_all_permissions()
    return context
