"""One line for people about each event of the journal."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from node.cli.table import size
from node.core.text import printable
from node.journal.schema import Record


def line(record: Record) -> str:
    """Time, kind, who, which connection from where, and what there is to say of this kind of event."""
    at = f"{datetime.fromtimestamp(_within_years(record.at), UTC):%Y-%m-%d %H:%M:%S}Z"
    said = _SAID.get(record.kind, _reason)(record, record.detail)
    parts = [at, f"{record.kind:<9}", *_who(record), said]
    return printable("  ".join(part for part in parts if part))


def _who(record: Record) -> list[str]:
    """Nothing where the event is about nobody."""
    if record.connection is None and record.fingerprint is None and record.peer_id is None:
        return []
    number = "" if record.connection is None else f"#{record.connection}"
    who = record.peer_id or ("(stranger)" if record.fingerprint is None else f"(stranger) {record.fingerprint[:20]}…")
    return [who, number, record.alpn or "", record.address or ""]


def _closed(record: Record, detail: dict[str, Any]) -> str:
    received, sent = (size(_count(detail, name)) for name in ("bytes_received", "bytes_sent"))
    return f"{record.reason} after {detail.get('seconds', '?')} s, {received} received, {sent} sent"


def _enforced(record: Record, detail: dict[str, Any]) -> str:
    took = detail.get("milliseconds")
    when = "" if took is None else f" {took} ms after the commit"
    why = f" ({record.reason})" if record.reason else ""
    if "forwards" in detail:
        ended = f"{_count(detail, 'sessions')} sessions and {_count(detail, 'forwards')} forwards ended"
    else:
        ended = f"{detail.get('closed', 0)} closed"
    return f"{detail.get('change', '')}: {ended}{when}{why}"


def _refused(record: Record, detail: dict[str, Any]) -> str:
    return f"{detail.get('rule', '')}: {record.reason}{_times(detail)}"


def _limited(record: Record, detail: dict[str, Any]) -> str:
    return f"{detail.get('limit', '')}: {record.reason}{_times(detail)}"


def _denied(_: Record, detail: dict[str, Any]) -> str:
    return f"{detail.get('operation', '')}: {detail.get('message', '')} ({detail.get('explanation', '')})"


def _reason(record: Record, _: dict[str, Any]) -> str:
    return record.reason


def _times(detail: dict[str, Any]) -> str:
    count = detail.get("count")
    return "" if count is None else ", once" if count == 1 else f", {count} times"


def _count(detail: dict[str, Any], name: str) -> int | None:
    found = detail.get(name)
    return found if isinstance(found, int) else None


def _within_years(at: float) -> float:
    """What a calendar can show, whatever the clock was set to."""
    return min(max(at, 0.0), 250_000_000_000.0)


_SAID: dict[str, Callable[[Record, dict[str, Any]], str]] = {
    "closed": _closed,
    "enforced": _enforced,
    "refused": _refused,
    "limited": _limited,
    "denied": _denied,
}
