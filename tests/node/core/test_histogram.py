"""Counts in buckets, against counting by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.core.histogram import Histogram

BOUNDS = (0.1, 1.0, 5.0)


@given(st.lists(st.one_of(st.sampled_from(BOUNDS), st.floats(0, 10))))
def test_each_bucket_has_what_is_not_above_its_bound(values: list[float]) -> None:
    histogram = Histogram(BOUNDS)
    for value in values:
        histogram.observe(value)
    assert histogram.cumulative() == [(b, sum(v <= b for v in values)) for b in (*BOUNDS, float("inf"))]
    assert histogram.count == len(values)
    assert histogram.sum == pytest.approx(sum(values))


@pytest.mark.parametrize("bounds", [(), (1.0, 1.0), (2.0, 1.0)])
def test_bounds_ascend(bounds: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="ascend"):
        Histogram(bounds)
