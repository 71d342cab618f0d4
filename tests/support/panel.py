"""Keys, rows and audit entries for tests of the control plane."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.test import Client

from apps.audit.actors import Actor, ActorKind
from apps.audit.models import AuditEntry
from node.core.fingerprint import spellings

ALICE = Actor(ActorKind.CLI, "alice")


def fingerprint(name: object) -> str:
    """A well-formed Ed25519 fingerprint, the same for the same name."""
    return "ed25519:" + hashlib.sha256(str(name).encode()).hexdigest()


def ssh_line(name: object) -> str:
    line = spellings(fingerprint(name)).openssh
    assert line is not None
    return line


def pem(name: object) -> str:
    block = spellings(fingerprint(name)).pem
    assert block is not None
    return block


def token_hash(name: object) -> str:
    return "sha256:" + hashlib.sha256(str(name).encode()).hexdigest()


def draft(peer_id: str, **fields: Any) -> dict[str, Any]:
    """A draft of a peer with one key of its own."""
    return {"peer_id": peer_id, "keys": [fingerprint(peer_id)], **fields}


def text(client: Client, path: str, **query: Any) -> str:
    """The page of this address, which must be there."""
    answer = client.get(path, query)
    assert answer.status_code == 200
    return answer.content.decode()


def audit() -> list[tuple[str, str, str]]:
    """Every audit row as (who, what, which), oldest first."""
    return list(AuditEntry.objects.order_by("id").values_list("actor_name", "action", "object_id"))


def rows() -> dict[str, dict[str, Any]]:
    """Every stored peer, for comparing before and after."""
    from apps.peers.models import Peer

    return {row["peer_id"]: row for row in Peer.objects.values()}


def notification_listener() -> Callable[[], list[tuple[str, dict[str, Any]]]]:
    """Gives the notifications since its last call, as (channel, payload)."""
    last = sql("SELECT coalesce(max(id), 0) FROM _honker_notifications")[0][0]

    def listen() -> list[tuple[str, dict[str, Any]]]:
        nonlocal last
        found = sql("SELECT id, channel, payload FROM _honker_notifications WHERE id > %s ORDER BY id", last)
        last = found[-1][0] if found else last
        return [(channel, json.loads(payload)) for _, channel, payload in found]

    return listen


def sql(statement: str, *values: object) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()
