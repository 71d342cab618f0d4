"""How the appliance is: one list of checks for `/readyz`, the health page, the dashboard and the metrics."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

from apps.backups import selectors as backups
from apps.health.database import database_checks
from apps.health.node import Lag, NodeLook, NodeWatch
from node.core.health import Check, failing

FRESH_SECONDS = 1.0
"""A report that is younger is given again: whoever asks in a hurry costs one look a second."""
PANEL = frozenset({"database", "migrations", "triggers"})
"""The checks of the panel alone, which works while the node is down."""


@dataclass(frozen=True, slots=True)
class Report:
    """Every check, and the numbers behind them."""

    checks: tuple[Check, ...]
    node_answers: bool
    lag: Lag | None


class Reports:
    """Makes reports, one at a time, and gives a young one to all who ask.

    Without a `watch`, of this appliance's own node.
    """

    def __init__(self, watch: NodeWatch | None = None) -> None:
        self._watch = watch
        self._lock = threading.Lock()
        self._last: tuple[float, Report] | None = None

    def current(self) -> Report:
        with self._lock:
            if self._last is None or time.monotonic() - self._last[0] >= FRESH_SECONDS:
                self._watch = self._watch or NodeWatch(settings.PATHS.control_socket)
                report = _report(self._watch)
                self._last = time.monotonic(), report
            return self._last[1]

    def forget(self) -> None:
        """Look anew when next asked."""
        self._last = None


def _report(watch: NodeWatch) -> Report:
    database = database_checks()
    node: NodeLook = watch.look()
    return Report((*database, *_backups(database), *node.checks), node.answered, node.lag)


def _backups(database: Sequence[Check]) -> list[Check]:
    """Whether scheduled backups come about; where none is wanted, or nothing can be looked up, that is no check."""
    every = settings.ALKNET.backup.every * 3600
    if not every or failing(database):
        return []
    problem = backups.problem(every=every)
    if problem is None:
        return [Check("backups", ok=True, text="the scheduled ones come about")]
    return [Check("backups", ok=False, text=problem, mend="the page of backups and the panel's log say more")]


REPORTS = Reports()


def health_report() -> list[Check]:
    """Every check, a second old at most. Raises nothing."""
    return list(REPORTS.current().checks)


def panel_report() -> list[Check]:
    """Of those, the panel's own."""
    return [check for check in health_report() if check.name in PANEL]
