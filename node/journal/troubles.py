"""Those who were turned away before anybody knew who they are: counted, and told together.

A row for each hostile packet would be what its sender wants. The first of a kind is told within a second; from then on
there is one event of that kind in half a minute at most, with the count of all since the last.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple, NoReturn

from node.core.journal import Event, EventKind, Journal

LOOK_EVERY = 1.0
"""Seconds between two looks at the counts."""
TELL_EVERY = 30.0
"""Seconds between two events about the same count."""


class Words(NamedTuple):
    """How a count is told: as a limit that held (by the name of its setting), or as refusals by a rule."""

    kind: EventKind
    name: str
    reason: str


def _limit(name: str, reason: str) -> Words:
    return Words(EventKind.LIMITED, name, reason)


def _rule(name: str, reason: str) -> Words:
    return Words(EventKind.REFUSED, name, reason)


WORDS: Mapping[str, Words] = MappingProxyType(
    {
        "quic.refused_total": _limit("quic.max_connections", "too many connections"),
        "quic.refused_address": _limit("quic.max_connections_per_address", "too many connections of one address"),
        "quic.refused_half_open": _limit("quic.max_half_open", "too many handshakes under way"),
        "quic.refused_half_open_address": _limit(
            "quic.max_half_open_per_address", "too many handshakes of one address under way"
        ),
        "quic.refused_rate": _limit("quic.handshakes_per_second", "one address connects too often"),
        "quic.strangers_dropped": _limit("quic.strangers_per_second", "one address sends too much before it connects"),
        "quic.floods": _limit("quic.guard", "a connection broke a bound of the engine"),
        "quic.moves_dropped": _limit("quic.moves", "a connection changed its address too often"),
        "tokens.closed": _limit("endpoint.max_token_failures", "a connection came with too many wrong tokens"),
        "quic.refused_closing": _rule("stopping", "the node is ending"),
        "quic.refused_filter": _rule("filter", "the filter of new connections"),
        "quic.refused_token": _rule("address not proven", "a proof of address that is not ours, or too old"),
        "quic.failed_no_protocol": _rule("no handler", "no protocol in common"),
        "quic.failed_timeout": _rule("handshake timed out", "the handshake took too long"),
        "quic.failed_left": _rule("client left", "the client gave the handshake up"),
        "quic.failed_broken": _rule("handshake broken", "the client broke TLS or QUIC"),
    }
)
"""The counts that are told, by their names in `Metrics.troubles`. The others say how, or what is told here already."""


async def tell_troubles(counts: Callable[[], Mapping[str, int]], journal: Journal) -> NoReturn:
    """Tell for ever how these counts grow; only cancellation ends it."""
    troubles = Troubles(counts())
    while True:
        await asyncio.sleep(LOOK_EVERY)
        for event in troubles.events(counts(), time.monotonic()):
            journal.record(event)


class Troubles:
    """What was told of each count, and when."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        self._told = dict(counts)
        self._at: dict[str, float] = {}

    def events(self, counts: Mapping[str, int], now: float) -> list[Event]:
        """One for each count that has grown, unless it was told of too short a time ago."""
        due = [name for name in WORDS if counts.get(name, 0) > self._told.get(name, 0) and self._is_due(name, now)]
        return [self._event(name, counts[name], now) for name in due]

    def _is_due(self, name: str, now: float) -> bool:
        return now - self._at.get(name, -TELL_EVERY) >= TELL_EVERY

    def _event(self, name: str, count: int, now: float) -> Event:
        words = WORDS[name]
        new, seconds = count - self._told.get(name, 0), now - self._at.get(name, now - LOOK_EVERY)
        self._told[name], self._at[name] = count, now
        key = "limit" if words.kind is EventKind.LIMITED else "rule"
        return Event(
            words.kind, reason=words.reason, detail={key: words.name, "count": new, "seconds": round(seconds, 3)}
        )
