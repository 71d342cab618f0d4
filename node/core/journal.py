"""What happened to connections, for a journal that people read.

An event says who, by which key and protocol, from where, and by which rule. It never holds the destination of a
tunnel, a name that was looked up, content, or a secret.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

_NOTHING: Mapping[str, Json] = MappingProxyType({})


class EventKind(StrEnum):
    """What kinds of event there are, and what `detail` holds for each."""

    STARTED = "started"
    """A process of the node began. {"pid"}"""
    STOPPED = "stopped"
    """It ended in order; one that was killed says nothing. {"seconds"}"""
    CONNECTED = "connected"
    """A connection is being served. {"dialled": true} for one that we have made."""
    SIGNED_IN = "signed_in"
    """Its protocol has found out who its client is: SSH, by a key of its own. {"since": when it began, unix seconds}"""
    REFUSED = "refused"
    """A connection was refused. {"rule", "message"}, or {"rule", "count", "seconds"} where many are told at once."""
    CLOSED = "closed"
    """A connection ended, whoever ended it. {"seconds", "bytes_received", "bytes_sent", "code"}"""
    ENFORCED = "enforced"
    """A change of rights took effect. {"generation", "closed", "milliseconds", "change"}.

    Where a connection goes on without some of what it carried: {"change", "sessions", "forwards"}.
    """
    LIMITED = "limited"
    """A bound of the node held. {"limit", "count"}, and "seconds" that it was counted for."""
    DENIED = "denied"
    """A peer asked for an operation that it may not run. {"operation", "message", "explanation"}"""


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `at` is in unix seconds, `connection` the id of a live connection of this process.

    `reason` is a few words, such as "revoked: peer disabled", "no handler", "locked".
    """

    kind: EventKind
    connection: int | None = None
    peer_id: str | None = None
    fingerprint: str | None = None
    alpn: str | None = None
    address: str | None = None
    reason: str = ""
    detail: Mapping[str, Json] = field(default_factory=lambda: _NOTHING)
    at: float = field(default_factory=time.time)


class Journal(ABC):
    """Takes events from the loop's thread."""

    @abstractmethod
    def record(self, event: Event) -> None:
        """Remember one event. Never waits, never raises, and takes less than 20 µs: it is on the hot path."""

    @property
    def complaint(self) -> str:
        """What keeps events from being written at this moment, for people; empty where nothing does."""
        return ""


class NoJournal(Journal):
    """For endpoints without one."""

    def record(self, event: Event) -> None:
        return None
