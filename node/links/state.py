"""How the links of a node are: what `alknet status` shows of each, and what is counted of all."""

import time
from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from node.core.metrics import counters, gauges
from node.links.settings import LinkSettings

MEANINGS = {
    **gauges(configured="Links that the settings name.", connected="Of those, links that are up."),
    **counters(
        dialled="Connections that links have made.",
        dial_failures="Connections that links could not make.",
        pin_mismatches="Nodes that showed another key than the pinned one.",
        lost="Connections of links that have ended.",
        imports="Imports of another node's operations.",
        import_failures="Imports that failed.",
    ),
}


class Standing(StrEnum):
    CONNECTED = "connected"
    DIALLING = "dialling"
    AWAITED = "awaited"
    """It has no address: it is the other node that dials."""
    REFUSED = "refused"
    """Another key than the pinned one was shown, or the link leads to this node itself."""


@dataclass(slots=True)
class LinkCounts:
    """Of all links, since the start."""

    dialled: int = 0
    """Connections that were made."""
    dial_failures: int = 0
    pin_mismatches: int = 0
    lost: int = 0
    """Connections of links that have ended, whoever ended them."""
    imports: int = 0
    import_failures: int = 0


@dataclass(eq=False, slots=True)
class LinkState:
    """One link. `error` is the last thing that went wrong and has not gone right since, in words for people."""

    name: str
    wanted: LinkSettings
    counts: LinkCounts
    error: str | None = None
    refused: bool = False
    _open: dict[Hashable, float] = field(default_factory=dict)

    @property
    def connected(self) -> bool:
        return bool(self._open)

    @property
    def standing(self) -> Standing:
        if self._open:
            return Standing.CONNECTED
        if self.refused:
            return Standing.REFUSED
        return Standing.AWAITED if self.wanted.address is None else Standing.DIALLING

    def opened(self, connection: Hashable) -> None:
        self._open.setdefault(connection, time.time())
        self.error, self.refused = None, False

    def closed(self, connection: Hashable) -> None:
        if self._open.pop(connection, None) is not None:
            self.counts.lost += 1

    def failed(self, error: str) -> bool:
        """Note what went wrong; whether that is news."""
        news, self.error = error != self.error, error
        return news

    def facts(self, operations: int) -> dict[str, Any]:
        """As `node/status` tells of it (docs/control.md); `since` is in Unix seconds, of the oldest connection."""
        return {
            "name": self.name,
            "address": self.wanted.address,
            "fingerprint": self.wanted.fingerprint,
            "state": self.standing.value,
            "since": min(self._open.values(), default=None),
            "operations": operations,
            "error": self.error,
        }
