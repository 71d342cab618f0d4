"""How an event reads: what happened, how it is marked, and what is told of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from apps.activity.models import Event
from apps.activity.presence import GAP, REPLACED
from node.core.journal import EventKind


class Tone(StrEnum):
    """How a page marks an event. Each tone has a sign of its own: colour alone tells nothing."""

    GOOD = "good"
    PLAIN = "plain"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class KindWords:
    title: str
    tone: Tone


KINDS: dict[str, KindWords] = {
    EventKind.CONNECTED: KindWords("Connected", Tone.GOOD),
    EventKind.SIGNED_IN: KindWords("Signed in", Tone.GOOD),
    EventKind.CLOSED: KindWords("Closed", Tone.PLAIN),
    EventKind.REFUSED: KindWords("Refused", Tone.BAD),
    EventKind.DENIED: KindWords("Denied", Tone.BAD),
    EventKind.ENFORCED: KindWords("Change enforced", Tone.GOOD),
    EventKind.LIMITED: KindWords("Limit held", Tone.WARNING),
    EventKind.STARTED: KindWords("Node started", Tone.PLAIN),
    EventKind.STOPPED: KindWords("Node stopped", Tone.PLAIN),
    GAP: KindWords("Events missing", Tone.WARNING),
    REPLACED: KindWords("Another journal", Tone.WARNING),
}
"""What kinds of event there are, in the order of a list to choose from."""


def kind_words(kind: str) -> KindWords:
    """A kind that a newer node tells of stays as it is."""
    return KINDS.get(kind) or KindWords(kind.replace("_", " ").capitalize(), Tone.PLAIN)


def told(event: Event) -> str:
    """What is told of an event, in one line; "" where there is nothing more to say."""
    detail: Mapping[str, Any] = event.detail if isinstance(event.detail, dict) else {}
    tell = _DETAILS.get(event.kind)
    reason = "" if event.reason == event.kind else event.reason  # an orderly end says “closed”
    parts = [reason, *(tell(detail) if tell else ())]
    return ", ".join(dict.fromkeys(part for part in parts if part))


def duration(seconds: object) -> str:
    """“40 ms”, “1.4 s”, “12 s”, “3 min 4 s”, “2 h 5 min”, “3 d 4 h”; "" of what is no number."""
    value = _number(seconds)
    if value is None or not 0 <= value < 1e12:
        return ""
    if value < 10:
        return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"
    left = int(value)
    units = [("d", left // 86400), ("h", left // 3600 % 24), ("min", left // 60 % 60), ("s", left % 60)]
    first = next((place for place, (_, count) in enumerate(units) if count), 3)
    return " ".join(f"{count} {unit}" for unit, count in units[first : first + 2] if count) or "0 s"


def size(count: object) -> str:
    """“812 B”, “3.1 KiB”; "" of what is no number."""
    value = _number(count)
    if value is None:
        return ""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _connected(detail: Mapping[str, Any]) -> list[str]:
    return ["dialled by this node"] if detail.get("dialled") is True else []


def _closed(detail: Mapping[str, Any]) -> list[str]:
    seconds = duration(detail.get("seconds"))
    received, sent = size(detail.get("bytes_received")), size(detail.get("bytes_sent"))
    return [f"after {seconds}" if seconds else "", f"{received} in and {sent} out" if received and sent else ""]


def _refused(detail: Mapping[str, Any]) -> list[str]:
    return [_text(detail, "message"), _times(detail)]


def _enforced(detail: Mapping[str, Any]) -> list[str]:
    took = _number(detail.get("milliseconds"))
    return [
        _text(detail, "change"),
        "" if took is None else f"in {took:.1f} ms",
        _ended(detail, "closed", "connection", "closed"),
        _ended(detail, "sessions", "session", "ended"),
        _ended(detail, "forwards", "forward", "ended"),
    ]


def _ended(detail: Mapping[str, Any], name: str, what: str, how: str) -> str:
    """“2 sessions ended”; "" where none did."""
    count = _number(detail.get(name))
    return f"{count:.0f} {what}{'' if count == 1 else 's'} {how}" if count else ""


def _limited(detail: Mapping[str, Any]) -> list[str]:
    return [_text(detail, "limit"), _times(detail)]


def _denied(detail: Mapping[str, Any]) -> list[str]:
    return [_text(detail, "operation"), _text(detail, "message")]


def _stopped(detail: Mapping[str, Any]) -> list[str]:
    seconds = duration(detail.get("seconds"))
    return [f"after {seconds}" if seconds else ""]


def _times(detail: Mapping[str, Any]) -> str:
    count, seconds = _number(detail.get("count")), duration(detail.get("seconds"))
    if count is None:
        return ""
    times = "once" if count == 1 else f"{count:.0f} times"
    return f"{times} within {seconds}" if seconds else times


def _text(detail: Mapping[str, Any], name: str) -> str:
    value = detail.get(name)
    return value if isinstance(value, str) else ""


_DETAILS: dict[str, Callable[[Mapping[str, Any]], list[str]]] = {
    EventKind.CONNECTED: _connected,
    EventKind.CLOSED: _closed,
    EventKind.REFUSED: _refused,
    EventKind.ENFORCED: _enforced,
    EventKind.LIMITED: _limited,
    EventKind.DENIED: _denied,
    EventKind.STOPPED: _stopped,
}
