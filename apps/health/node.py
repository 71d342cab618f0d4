"""How the node is, by what it answers on its control socket, and how far its index is behind the database."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import DatabaseError, connection

from apps.health.database import is_gone
from node.control.client import ControlClient, ControlRefused, NodeUnreachable
from node.core.health import Check, read_checks

LOOK_SECONDS = 0.8
"""How long a look waits for the node."""
GRACE_SECONDS = 3.0
"""How old a change may be that the node has not read yet."""
NOTIFICATIONS = "_honker_notifications"

_START = "alknet up starts it; its log says why it ended"
_BUSY = "its log and the load of the machine say why"
_SAME_VERSION = "restart both: the panel and the node are of different versions"


@dataclass(frozen=True, slots=True)
class Lag:
    """How many notifications the node has not read, and for how many seconds the oldest of them waits."""

    notifications: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class NodeLook:
    """One look. `lag` is None where it cannot be told."""

    checks: tuple[Check, ...]
    answered: bool = False
    lag: Lag | None = None


class NodeWatch:
    """Asks the node, and remembers when it last answered this process."""

    def __init__(self, control_socket: Path) -> None:
        self._socket = control_socket
        self.answered_at: float | None = None
        """Of the monotonic clock."""

    def look(self) -> NodeLook:
        """Raises nothing; takes LOOK_SECONDS at most, and what two small queries take."""
        written = _last_notification()
        try:
            with ControlClient(self._socket, timeout=LOOK_SECONDS) as node:
                facts = node.call("node/status")
            checks, position = read_checks(facts["health"]), _position(facts)
        except NodeUnreachable as error:
            return NodeLook((self._silent(str(error)),))
        except (ControlRefused, KeyError, TypeError, ValueError):
            return NodeLook((Check("node", ok=False, text="its answer is not understood", mend=_SAME_VERSION),))
        self.answered_at = time.monotonic()
        heart = Check("node", ok=True, text="it answers")
        lag = None if written is None or position is None else _lag(written, position)
        return NodeLook((heart, *checks, *_index(lag)), answered=True, lag=lag)

    def _silent(self, problem: str) -> Check:
        said, _, remedy = problem.partition(": ")
        mend = _START if remedy else _BUSY
        if self.answered_at is None:
            return Check("node", ok=False, text=f"{said}; it has not answered since the panel started", mend=mend)
        seconds = time.monotonic() - self.answered_at
        return Check("node", ok=False, text=f"{said}; it last answered {seconds:.0f} s ago", mend=mend)


def _position(facts: Any) -> int | None:
    """The last notification that the node has read; None of a node that reads its peers from a file, or has read none.

    Raises KeyError, TypeError and ValueError where the answer is of another shape.
    """
    position = facts["index"]["position"]
    if position is not None and not isinstance(position, int):
        raise TypeError
    return position


def _index(lag: Lag | None) -> tuple[Check, ...]:
    if lag is None:
        return ()
    if lag.notifications == 0:
        return (Check("lag", ok=True, text="the node has read every change"),)
    text = f"{lag.notifications} changes are not read by the node yet, the oldest for {lag.seconds:.1f} s"
    if lag.seconds <= GRACE_SECONDS:
        return (Check("lag", ok=True, text=text),)
    return (Check("lag", ok=False, text=text, mend="the node's log says why it does not read them; else restart it"),)


def _last_notification() -> int | None:
    """The newest that was committed; None where there are none to read."""
    if is_gone():
        return None
    found = _one(f"SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = '{NOTIFICATIONS}'), 0)")  # noqa: S608
    return None if found is None else int(found)


def _lag(written: int, position: int) -> Lag:
    """The clock is that of this machine, by which the notification was written."""
    if position >= written:
        return Lag()
    oldest = _one(f"SELECT min(created_at) FROM {NOTIFICATIONS} WHERE id > %s", position)  # noqa: S608
    seconds = 0.0 if oldest is None else max(0.0, time.time() - float(oldest))
    return Lag(written - position, seconds)


def _one(statement: str, *values: int) -> Any:
    """One number. None where the database cannot say, which its own check tells of."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            return (cursor.fetchone() or (None,))[0]
    except DatabaseError:
        return None
