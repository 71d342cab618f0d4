"""Events and presence as JSON, for programs. Times are in ISO 8601, UTC."""

from datetime import datetime
from typing import Any

from apps.activity.models import Connection, Event
from apps.activity.selectors import PeerPresence


def event_json(event: Event) -> dict[str, Any]:
    return {
        "id": event.pk,
        "at": _moment(event.at),
        "kind": event.kind,
        "peer_id": event.peer_id,
        "fingerprint": event.fingerprint,
        "alpn": event.alpn,
        "address": event.address,
        "connection": event.connection,
        "boot": event.boot,
        "reason": event.reason,
        "detail": event.detail,
    }


def connection_json(connection: Connection) -> dict[str, Any]:
    """One that is open, as far as the journal tells."""
    return {
        "boot": connection.boot,
        "connection": connection.connection,
        "peer_id": connection.peer_id,
        "fingerprint": connection.fingerprint,
        "alpn": connection.alpn,
        "address": connection.address,
        "since": _moment(connection.since),
    }


def presence_json(presence: PeerPresence) -> dict[str, Any]:
    return {
        "connected": presence.connected,
        "protocols": list(presence.alpns),
        "last_seen": _moment(presence.last_seen),
        "last_address": presence.last_address,
        "last_protocol": presence.last_alpn,
    }


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
