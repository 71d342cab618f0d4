"""Small charts of counts over time, as shapes that a template draws. The words say all that the picture does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

WIDTH, HEIGHT = 600, 96
"""Of a chart, in units of its own."""
GAP = 0.2
"""Of a bar's place, the part that is left empty."""


@dataclass(frozen=True, slots=True)
class Steps:
    """`count` steps of this length from `begin` on. `name` is one of them in words, `form` how its time is written."""

    begin: datetime
    length: timedelta
    count: int
    name: str
    form: str

    def at(self, place: int) -> datetime:
        return self.begin + place * self.length

    def told(self, place: int) -> str:
        return f"{self.at(place):{self.form}} UTC"


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """`begin` and `end` are the times that the picture spans; `most` is the height of its tallest bar.

    `words` tell what the picture does, `caption` the most of it.
    """

    title: str
    words: str
    caption: str
    total: int
    most: int
    begin: str
    end: str
    bars: tuple[Bar, ...]
    width: int = WIDTH
    height: int = HEIGHT


def bar_chart(title: str, counts: Sequence[int], steps: Steps) -> Chart:
    """How many in each step: one bar for each count that is not zero."""
    total, most = sum(counts), max(counts, default=0)
    caption = f"{total}, at most {most} in {steps.name}" if total else "none"
    since = f"{total} since {steps.told(0)}, at most {most} in {steps.name}, at {_when(most, counts, steps)}"
    return _chart(title, since if total else "none", caption, counts, steps, GAP)


def level_chart(title: str, levels: Sequence[int], now: int, steps: Steps) -> Chart:
    """How many at once, at most, in each step; bars without a gap, for a level has none."""
    most = max(levels, default=0)
    caption = f"{now} now, at most {most}" if most else "none"
    words = f"{now} now, at most {most} since {steps.told(0)}, at {_when(most, levels, steps)}"
    return _chart(title, words if most else f"none since {steps.told(0)}", caption, levels, steps, 0.0)


def _chart(title: str, words: str, caption: str, heights: Sequence[int], steps: Steps, gap: float) -> Chart:
    most = max(heights, default=0)
    bars = tuple(_bar(place, heights, steps, gap) for place, height in enumerate(heights) if height)
    ends = steps.told(0), steps.told(steps.count)
    return Chart(title, f"{title}: {words}", caption, sum(heights), most, *ends, bars)


def _bar(place: int, heights: Sequence[int], steps: Steps, gap: float) -> Bar:
    slot = WIDTH / len(heights)
    height = HEIGHT * heights[place] / max(heights)
    return Bar(
        x=round((place + gap / 2) * slot, 2),
        y=round(HEIGHT - height, 2),
        width=round(slot * (1 - gap), 2),
        height=round(height, 2),
        title=f"{steps.told(place)}: {heights[place]}",
    )


def _when(most: int, heights: Sequence[int], steps: Steps) -> str:
    return steps.told(heights.index(most)) if most else ""
