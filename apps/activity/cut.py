"""An end to one connection, on request of a user of the panel.

The node counts its connections from one again after each start. So the one that is meant is looked up first: a number
alone could end another's.
"""

from pathlib import Path

from django.db import transaction
from django.http import HttpRequest

from apps.activity.models import Connection
from apps.activity.traffic import is_same
from apps.audit.actors import Actor
from apps.audit.services import Change, record
from node.control.client import ControlClient, ControlRefused, NodeUnreachable

SECONDS = 2.0
"""How long the node has for each of the two questions."""
REASON = "disconnected by an administrator"
"""What the peer is told."""


class CutFailed(Exception):
    """The connection was not cut, or nobody knows. A sentence for people."""


def may_cut(request: HttpRequest) -> bool:
    """To end a connection is to delete it."""
    return request.user.has_perm("activity.delete_connection")


def cut(*, actor: Actor, connection: Connection, control_socket: Path) -> bool:
    """Have the node close a connection; False where it has ended already. Raises CutFailed.

    The audit row is written first and kept only if the node did it: nothing is cut without one.
    """
    try:
        with ControlClient(control_socket, timeout=SECONDS) as node:
            if not _is_there(node, connection):
                return False
            return _cut(actor, connection, node)
    except NodeUnreachable as error:
        raise CutFailed(f"Nothing is known of what became of it: {error}.") from None
    except ControlRefused as error:
        raise CutFailed(f"The node did not do it: {error.message}.") from None


def _cut(actor: Actor, connection: Connection, node: ControlClient) -> bool:
    with transaction.atomic():
        record(actor=actor, changes=[_change(connection)])
        answer = node.call("node/disconnect", {"id": connection.connection, "reason": REASON})
        done = isinstance(answer, dict) and bool(answer.get("closed"))
        transaction.set_rollback(not done)
    return done


def _is_there(node: ControlClient, connection: Connection) -> bool:
    """Whether the node has this very connection."""
    asked = {"after": max(0, connection.connection - 1), "limit": 1}
    answer = node.call("node/connections", asked)
    rows = answer.get("connections") if isinstance(answer, dict) else None
    return isinstance(rows, list) and bool(rows) and is_same(rows[0], connection)


def _change(connection: Connection) -> Change:
    facts = {name: getattr(connection, name) for name in ("boot", "peer_id", "fingerprint", "alpn", "address")}
    facts["since"] = connection.since.isoformat()
    return Change("connection.cut", "connection", str(connection.connection), before=facts)
