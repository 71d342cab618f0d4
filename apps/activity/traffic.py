"""What open connections have carried so far, as the node tells it at this moment."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.activity.models import Connection
from node.control.client import ControlClient, ControlRefused, NodeUnreachable

LOOK_SECONDS = 0.8
"""How long a page waits for the node."""
SAME_S = 5.0
"""By so much may the beginning of a connection differ, as the journal and the node tell it."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes of the streams' contents, from the peer and to it."""

    received: int
    sent: int


def traffic(connections: Iterable[Connection], control_socket: Path) -> dict[int, Traffic]:
    """{primary key: its traffic}, of those that the node has; of none where it does not answer. Raises nothing."""
    by_number = {connection.connection: connection for connection in connections}
    if not by_number:
        return {}
    try:
        with ControlClient(control_socket, timeout=LOOK_SECONDS) as node:
            answer = node.call("node/connections", {"ids": sorted(by_number)})
    except (NodeUnreachable, ControlRefused):
        return {}
    rows = answer.get("connections") if isinstance(answer, dict) else None
    found = {}
    for row in rows if isinstance(rows, list) else []:
        number = row.get("id") if isinstance(row, dict) else None
        connection = by_number.get(number) if isinstance(number, int) else None
        counts = _traffic(row) if connection is not None and is_same(row, connection) else None
        if connection is not None and counts is not None:
            found[connection.pk] = counts
    return found


def is_same(row: Any, connection: Connection) -> bool:
    """Whether the node means this very connection: it counts from one again after each start."""
    if not isinstance(row, dict) or not isinstance(row.get("since"), int | float):
        return False
    told = (row.get("id"), row.get("peer"), row.get("fingerprint"))
    known = (connection.connection, connection.peer_id, connection.fingerprint)
    return told == known and abs(row["since"] - connection.since.timestamp()) < SAME_S


def _traffic(row: dict[str, Any]) -> Traffic | None:
    received, sent = row.get("bytes_received"), row.get("bytes_sent")
    return Traffic(received, sent) if isinstance(received, int) and isinstance(sent, int) else None
