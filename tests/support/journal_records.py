"""Records of a journal as tests want them: one after the other, of one life of a node."""

from dataclasses import dataclass, field
from itertools import count
from typing import Any

NOON = 1_764_244_800.0
"""Where the clock of these tests begins, in unix seconds: 2025-11-27 12:00 UTC."""


@dataclass(frozen=True, slots=True)
class Record:
    """The shape of node.journal.schema.Record, whatever is in it."""

    number: Any
    at: Any = NOON
    boot: Any = "a" * 16
    kind: Any = "connected"
    connection: Any = None
    peer_id: Any = None
    fingerprint: Any = None
    alpn: Any = None
    address: Any = None
    reason: Any = ""
    detail: Any = field(default_factory=dict)


class Story:
    """Tells records with growing numbers and times."""

    def __init__(self, boot: str = "a" * 16, first: int = 1, at: float = NOON) -> None:
        self.boot = boot
        self._numbers = count(first)
        self.at = at

    def tell(self, kind: str, connection: int | None = None, peer_id: str | None = None, **more: Any) -> Record:
        self.at += 1.0
        given = {"number": next(self._numbers), "at": self.at, "boot": self.boot, **more}
        return Record(kind=kind, connection=connection, peer_id=peer_id, **given)

    def connected(self, connection: int, peer_id: str | None = None, **more: Any) -> Record:
        given = {"alpn": "alknet/call", "address": f"192.0.2.{connection}:4000", "fingerprint": "ed25519:00", **more}
        return self.tell("connected", connection, peer_id, **given)

    def closed(self, connection: int, peer_id: str | None = None, **more: Any) -> Record:
        return self.tell("closed", connection, peer_id, **more)
