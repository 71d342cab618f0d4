"""What the first page shows of now: who is connected, what came in of late, how fast changes bit."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apps.activity import selectors
from apps.activity.over_time import counts_over_time, peers_over_time
from apps.activity.selectors import EnforcementFigures
from apps.panel.charts import Chart, Steps, bar_chart, level_chart
from node.core.journal import EventKind

FIGURES = timedelta(days=30)
"""The stopwatch tells of the changes since then."""


@dataclass(frozen=True, slots=True)
class Window:
    """What the charts span, up to now: `count` steps. Whole hours and minutes are what is counted beforehand."""

    name: str
    title: str
    within: str
    step: timedelta
    count: int
    step_name: str
    form: str

    def until(self, moment: datetime) -> Steps:
        length = int(self.step.total_seconds())
        last = datetime.fromtimestamp(moment.timestamp() // length * length, UTC)
        return Steps(last - (self.count - 1) * self.step, self.step, self.count, self.step_name, self.form)


WINDOWS = (
    Window("hour", "The last hour", "an hour", timedelta(minutes=1), 60, "a minute", "%H:%M"),
    Window("day", "The last 24 hours", "24 hours", timedelta(minutes=15), 96, "15 minutes", "%H:%M"),
    Window("month", "The last 30 days", "30 days", timedelta(hours=6), 120, "6 hours", "%Y-%m-%d %H:%M"),
)
"""The first is shown where none is asked for."""


@dataclass(frozen=True, slots=True)
class Now:
    peers: int
    """How many peers are connected."""
    window: Window
    windows: tuple[Window, ...]
    connected: Chart
    came: Chart
    refused: Chart
    stopwatch: EnforcementFigures

    @property
    def charts(self) -> tuple[Chart, ...]:
        return self.connected, self.came, self.refused


def window_called(name: str) -> Window:
    """The one of this name, or the first."""
    return next((window for window in WINDOWS if window.name == name), WINDOWS[0])


def now(window: Window) -> Now:
    moment = datetime.now(UTC)
    steps = window.until(moment)
    peers = selectors.connected_peers()
    kinds = (EventKind.CONNECTED, EventKind.REFUSED)
    counts = counts_over_time(kinds, steps.begin, steps.length, steps.at(steps.count))
    levels = peers_over_time(steps.begin, steps.length, steps.count)
    return Now(
        peers,
        window,
        WINDOWS,
        level_chart("Peers connected", levels, peers, steps),
        bar_chart("Connections", counts[EventKind.CONNECTED], steps),
        bar_chart("Refusals", counts[EventKind.REFUSED], steps),
        selectors.enforcement_figures(moment - FIGURES),
    )
