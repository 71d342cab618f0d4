"""The bench of aborts runs to the end over real nodes, and judges what it has measured."""

from bench.abort import judged
from tests.support import benches


def test_it_ends_in_the_times_of_aborts() -> None:
    result = benches.judged("abort", "--aborts", "2")
    assert (result["bench"], result["aborts"]) == ("abort", 2)
    assert 0 < result["abort_ms"]["p50"] <= result["abort_ms"]["max"]
    assert result["abort_ms"]["max"] < result["to_caller_ms"]["max"]


def test_more_than_fifty_milliseconds_is_a_failure() -> None:
    quick, slow = (10.0, 20.0), (50.1, 60.0)
    assert judged([quick] * 100 + [slow])["failures"] == []
    assert judged([quick] * 100 + [slow] * 2)["failures"] == ["abort_ms"]
