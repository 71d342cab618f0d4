"""Whether the journal, what the panel keeps of it, and what clients saw are one story.

Everything is worked out here a second time, row by row and without any code of the appliance.
"""

import contextlib
import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.visitors import Visit

FLUSH_S = 0.05
"""What happened longer than this before a kill is in the journal."""
NOTICE_S = 3.0
"""A node that lives so long after a client's orderly end has told of it before it dies, also on a busy machine."""

Row = dict[str, Any]
_COLUMNS = ("number", "boot", "kind", "connection", "peer_id", "fingerprint", "alpn", "address", "reason")


def rows(path: Path, sql: str) -> list[Row]:
    """What a query finds in a file that others may write meanwhile."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as file:
        file.row_factory = sqlite3.Row
        return [dict(row) for row in file.execute(sql)]


def journal_rows(path: Path) -> list[Row]:
    return rows(path, "SELECT * FROM events ORDER BY number")


def disagreements(journal: Path, database: Path) -> Iterator[str]:
    """Where the panel's tables are not what follows from the journal; both must be at rest."""
    told = journal_rows(journal)
    yield from _kept(told, rows(database, "SELECT * FROM activity_event ORDER BY id"))
    open_now, seen = replayed(told)
    kept = {(row["boot"], row["connection"]) for row in rows(database, "SELECT * FROM activity_connection")}
    if kept != open_now:
        yield f"connections: {len(kept - open_now)} too many, {len(open_now - kept)} too few"
    presence = {row["peer_id"]: _seconds(row["last_seen"]) for row in rows(database, "SELECT * FROM activity_presence")}
    if presence.keys() != seen.keys():
        yield f"presence: of other peers: {sorted(presence.keys() ^ seen.keys())[:5]}"
    wrong = [peer for peer in presence.keys() & seen.keys() if abs(presence[peer] - seen[peer]) > 0.001]
    if wrong:
        yield f"presence: last seen at another time: {sorted(wrong)[:5]}"


def replayed(told: Iterable[Row]) -> tuple[set[tuple[str, int]], dict[str, float]]:
    """The connections that are open after these rows, and when each peer was seen last."""
    open_now: dict[tuple[str, int], str | None] = {}
    seen: dict[str, float] = {}
    boot, last = None, 0.0
    for row in told:
        if row["boot"] != boot:
            _all_end(open_now, seen, last)
        boot, last = row["boot"], row["at"]
        key = (row["boot"], row["connection"])
        if row["kind"] == "connected":
            open_now[key] = row["peer_id"]
        elif row["kind"] == "closed":
            open_now.pop(key, None)
        elif row["kind"] == "stopped":
            _all_end(open_now, seen, row["at"])
        if row["kind"] in ("connected", "closed") and row["peer_id"] is not None:
            seen[row["peer_id"]] = max(seen.get(row["peer_id"], 0.0), row["at"])
    return set(open_now), seen


def unseen(visits: Iterable[Visit], told: Iterable[Row], deaths: list[float]) -> Iterator[str]:
    """What clients saw and the journal does not tell, and what it tells and no client did."""
    told = list(told)
    connected, closed = _by_peer(told, "connected"), _by_peer(told, "closed")
    claimed: dict[str, int] = defaultdict(int)
    for visit, end in _spans(visits):
        found = [at for at in connected[visit.peer_id] if visit.began <= at < end]
        claimed[visit.peer_id] += len(found)
        if visit.answered is not None and not found and not _dies(deaths, visit.began, visit.answered + FLUSH_S):
            yield f"{visit.peer_id} connected at {visit.answered:.3f}, which the journal does not tell"
        if visit.orderly and visit.closing is not None and not _dies(deaths, visit.began, visit.closing + NOTICE_S):
            death = min((at for at in deaths if at > visit.closing), default=float("inf"))
            ends = [at for at in closed[visit.peer_id] if visit.began <= at <= death]
            if not ends:
                yield f"{visit.peer_id} left at {visit.closing:.3f}, which the journal does not tell"
    for peer_id, times in connected.items():
        if len(times) != claimed[peer_id]:
            yield f"{peer_id}: the journal tells of {len(times)} connections, the client of {claimed[peer_id]}"


def _spans(visits: Iterable[Visit]) -> Iterator[tuple[Visit, float]]:
    """Each visit and the beginning of the peer's next one: a node may tell of one that its client has given up."""
    by_peer: dict[str, list[Visit]] = defaultdict(list)
    for visit in visits:
        by_peer[visit.peer_id].append(visit)
    for mine in by_peer.values():
        yield from zip(mine, [*(visit.began for visit in mine[1:]), float("inf")], strict=True)


def _kept(told: list[Row], kept: list[Row]) -> Iterator[str]:
    """The events that are kept are those of the journal, each once, in its order, word for word."""
    notices = [row for row in kept if row["number"] < 0]
    if notices:
        yield f"events: {len(notices)} of the panel's own, such as {notices[0]['kind']}"
    mine = [_comparable(row, _seconds(row["at"])) for row in kept if row["number"] > 0]
    theirs = [_comparable(row, _microseconds(row["at"])) for row in told]
    if different := [pair for pair in zip(mine, theirs, strict=False) if pair[0] != pair[1]]:
        yield f"events: kept as {different[0][0]}, told as {different[0][1]}"
    if len(mine) != len(theirs):
        numbers = {row["number"] for row in told} ^ {row["number"] for row in kept if row["number"] > 0}
        yield f"events: {len(theirs)} in the journal, {len(mine)} kept; {len(numbers)} of them in one only"


def _comparable(row: Row, at: float) -> tuple[Any, ...]:
    return (at, json.loads(row["detail"]), *(row[column] for column in _COLUMNS))


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def _microseconds(at: float) -> float:
    """As exactly as the panel keeps a time."""
    return datetime.fromtimestamp(at, UTC).timestamp()


def _all_end(open_now: dict[tuple[str, int], str | None], seen: dict[str, float], at: float) -> None:
    for peer_id in filter(None, open_now.values()):
        seen[peer_id] = max(seen.get(peer_id, 0.0), at)
    open_now.clear()


def _by_peer(told: Iterable[Row], kind: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = defaultdict(list)
    for row in told:
        if row["kind"] == kind and row["peer_id"] is not None:
            found[row["peer_id"]].append(row["at"])
    return found


def _dies(deaths: list[float], since: float, until: float) -> bool:
    return any(since <= at <= until for at in deaths)
