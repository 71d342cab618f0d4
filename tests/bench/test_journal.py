"""The bench of the journal, in small."""

from tests.support.benches import judged


def test_events_are_followed_from_the_node_to_the_page_and_none_is_lost() -> None:
    options = ("--events=200", "--rate=200", "--seconds=1", "--peers=1000", "--kept=2000", "--fetches=13")
    told = judged("journal", *options)
    assert (told["complete"], told["events"]) == (True, 200)
    assert {"hot_path_us", "most_per_s", "written_lag_ms", "stall_ms", "stall_idle_ms"} <= set(told)
    assert {"lag_p99_ms", "on_screen_p99_ms", "activity_p95_ms", "web_rss_mb", "node_rss_mb"} <= set(told)
    assert [failure for failure in told["failures"] if " is above " not in failure] == []
