"""What the first page shows: how much there is, whether the node runs, and what was changed last."""

import json
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from apps.audit.selectors import recent_entries
from apps.peers.selectors import counts
from node.core.paths import DataPaths

RECENT_CHANGES = 8
MAX_READY_FILE = 64 * 1024


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What the supervisor wrote about the node that it last started."""

    address: str
    fingerprint: str


def dashboard_context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Called by the admin's index view. A user sees numbers and changes of what they may view."""
    may = request.user.has_perm
    context["counts"] = counts() if may("peers.view_peer") else None
    context["changes"] = recent_entries(RECENT_CHANGES) if may("audit.view_auditentry") else None
    context["node"] = node_facts(settings.PATHS)
    context["may_add_peer"] = may("peers.add_peer")
    return context


def node_facts(paths: DataPaths) -> NodeFacts | None:
    """The running node's address and key, or None where no supervisor has told of one."""
    try:
        with paths.ready_file.open("rb") as file:
            facts = json.loads(file.read(MAX_READY_FILE))
        address, fingerprint = facts["node_address"], facts["node_fingerprint"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(address, str) or not isinstance(fingerprint, str):
        return None
    return NodeFacts(address, fingerprint)
