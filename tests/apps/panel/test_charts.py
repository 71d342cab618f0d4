"""Charts of counts over time."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from apps.panel.charts import HEIGHT, WIDTH, Steps, bar_chart, level_chart
from apps.panel.now import WINDOWS

BEGIN = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def minutes(count: int) -> Steps:
    return Steps(BEGIN, timedelta(minutes=1), count, "a minute", "%H:%M")


def test_the_words_say_what_the_picture_does() -> None:
    chart = bar_chart("Refusals", [0, 2, 5, 0], minutes(4))
    assert chart.words == "Refusals: 7 since 03:04 UTC, at most 5 in a minute, at 03:06 UTC"
    assert (chart.caption, chart.total, chart.most, chart.end) == ("7, at most 5 in a minute", 7, 5, "03:08 UTC")
    assert [bar.title for bar in chart.bars] == ["03:05 UTC: 2", "03:06 UTC: 5"]
    assert bar_chart("Refusals", [0, 0], minutes(2)).words == "Refusals: none"
    assert bar_chart("Refusals", [], minutes(0)).bars == ()


def test_a_level_is_told_as_of_now_and_at_most_and_has_no_gaps() -> None:
    chart = level_chart("Peers connected", [0, 3, 2, 2], 1, minutes(4))
    assert chart.words == "Peers connected: 1 now, at most 3 since 03:04 UTC, at 03:05 UTC"
    assert chart.caption == "1 now, at most 3"
    assert [bar.x + bar.width for bar in chart.bars[:-1]] == [bar.x for bar in chart.bars[1:]]
    assert level_chart("Peers connected", [0, 0], 0, minutes(2)).words == "Peers connected: none since 03:04 UTC"


def test_a_window_ends_with_the_step_that_is_not_over_and_is_made_of_whole_ones() -> None:
    moment = datetime(2026, 1, 2, 3, 59, 59, tzinfo=UTC)
    ends = [(str(steps.begin), steps.told(steps.count)) for steps in (window.until(moment) for window in WINDOWS)]
    assert ends == [
        ("2026-01-02 03:00:00+00:00", "04:00 UTC"),
        ("2026-01-01 04:00:00+00:00", "04:00 UTC"),
        ("2025-12-03 06:00:00+00:00", "2026-01-02 06:00 UTC"),
    ]


@given(st.lists(st.integers(0, 10**9), max_size=80))
def test_bars_stay_inside_in_their_order_and_as_high_as_their_counts(counts: list[int]) -> None:
    bars = bar_chart("x", counts, minutes(len(counts))).bars
    assert len(bars) == sum(map(bool, counts))
    for bar in bars:
        assert 0 <= bar.x <= bar.x + bar.width <= WIDTH + 0.02
        assert 0 <= bar.y <= HEIGHT
        assert abs(bar.y + bar.height - HEIGHT) < 0.02
    assert [bar.x for bar in bars] == sorted(bar.x for bar in bars)
    assert not bars or max(bar.height for bar in bars) == HEIGHT
