"""The bench of the journal, in small."""

from tests.support.benches import judged


def test_what_is_recorded_at_a_rate_is_all_read_by_another_process():
    options = ("--events=200", "--rate=300", "--seconds=1", "--peers=0")
    told = judged("journal", *options)
    assert (told["complete"], told["events"]) == (True, 300)
    assert {"hot_path_us", "most_per_s", "written_lag_ms", "stall_ms", "stall_idle_ms"} <= set(told)
