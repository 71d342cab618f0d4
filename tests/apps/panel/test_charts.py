"""Charts of counts over time."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from apps.panel.charts import HEIGHT, WIDTH, bar_chart

BEGIN = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_the_words_say_what_the_picture_does() -> None:
    chart = bar_chart("Refusals", [0, 2, 5, 0], BEGIN, MINUTE)
    assert chart.words == "Refusals: 7 since 03:04 UTC, at most 5 in a minute, at 03:06 UTC"
    assert (chart.total, chart.most, chart.end) == (7, 5, BEGIN + 4 * MINUTE)
    assert [bar.title for bar in chart.bars] == ["03:05 UTC: 2", "03:06 UTC: 5"]
    assert bar_chart("Refusals", [0, 0], BEGIN, MINUTE).words == "Refusals: none"
    assert bar_chart("Refusals", [], BEGIN, MINUTE).bars == ()


@given(st.lists(st.integers(0, 10**9), max_size=80))
def test_bars_stay_inside_in_their_order_and_as_high_as_their_counts(counts: list[int]) -> None:
    bars = bar_chart("x", counts, BEGIN, MINUTE).bars
    assert len(bars) == sum(map(bool, counts))
    for bar in bars:
        assert 0 <= bar.x <= bar.x + bar.width <= WIDTH + 0.02
        assert 0 <= bar.y <= HEIGHT
        assert abs(bar.y + bar.height - HEIGHT) < 0.02
    assert [bar.x for bar in bars] == sorted(bar.x for bar in bars)
    assert not bars or max(bar.height for bar in bars) == HEIGHT
