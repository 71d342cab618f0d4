"""What the first page shows of now: who is connected, what came in the last hour, how fast changes bit."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apps.activity import selectors
from apps.activity.selectors import EnforcementFigures
from apps.panel.charts import Chart, bar_chart
from node.core.journal import EventKind

STEP = timedelta(minutes=1)
STEPS = 60
"""The charts show so many steps, up to now."""
FIGURES = timedelta(days=30)
"""The stopwatch tells of the changes since then."""


@dataclass(frozen=True, slots=True)
class Now:
    peers: int
    """How many peers are connected."""
    charts: tuple[Chart, ...]
    stopwatch: EnforcementFigures


def now() -> Now:
    moment = datetime.now(UTC)
    begin = moment.replace(second=0, microsecond=0) - (STEPS - 1) * STEP
    kinds = {EventKind.CONNECTED: "Connections", EventKind.REFUSED: "Refusals"}
    counts = selectors.counts_over_time(kinds, begin, STEP, begin + STEPS * STEP)
    charts = tuple(bar_chart(title, counts[kind], begin, STEP) for kind, title in kinds.items())
    return Now(selectors.connected_peers(), charts, selectors.enforcement_figures(moment - FIGURES))
