"""Small charts of counts over time, as shapes that a template draws. The words say all that the picture does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

WIDTH, HEIGHT = 600, 96
"""Of a chart, in units of its own."""
_GAP = 0.2
"""Of a bar's place, the part that is left empty."""


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """`begin` and `end` are the times that the picture spans; `most` is the height of its tallest bar."""

    title: str
    words: str
    total: int
    most: int
    begin: datetime
    end: datetime
    bars: tuple[Bar, ...]
    width: int = WIDTH
    height: int = HEIGHT


def bar_chart(title: str, counts: Sequence[int], begin: datetime, step: timedelta) -> Chart:
    """One bar for each count that is not zero; the first count is that of the step which starts at `begin`."""
    most = max(counts, default=0)
    bars = tuple(_bar(place, counts, begin + place * step) for place, count in enumerate(counts) if count)
    end = begin + len(counts) * step
    return Chart(title, _words(title, counts, begin, step), sum(counts), most, begin, end, bars)


def _bar(place: int, counts: Sequence[int], at: datetime) -> Bar:
    slot = WIDTH / len(counts)
    height = HEIGHT * counts[place] / max(counts)
    return Bar(
        x=round((place + _GAP / 2) * slot, 2),
        y=round(HEIGHT - height, 2),
        width=round(slot * (1 - _GAP), 2),
        height=round(height, 2),
        title=f"{at:%H:%M} UTC: {counts[place]}",
    )


def _words(title: str, counts: Sequence[int], begin: datetime, step: timedelta) -> str:
    if not any(counts):
        return f"{title}: none"
    most = max(counts)
    at = begin + counts.index(most) * step
    return f"{title}: {sum(counts)} since {begin:%H:%M} UTC, at most {most} in a minute, at {at:%H:%M} UTC"
