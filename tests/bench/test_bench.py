"""The benchmarks run, and end in one line of JSON with the figures that they promise. Speed is not a test's affair."""

from pathlib import Path

import pytest

from bench.figures import percentile, spread
from bench.sample import sample_key, sample_peers
from tests.support import warm
from tests.support.benches import figures_of, run_bench

ROOT = Path(__file__).parents[2]
LATENCIES = {"p50_ms", "p99_ms", "max_ms"}


IMPORT = {"import_s", "import_swaps", "reimport_s", "reimport_swaps"}


@pytest.mark.parametrize(
    ("arguments", "figures"),
    [
        (
            ["propagation", "--peers", "30", "--writes", "8", "--pause-ms", "1"],
            {*LATENCIES, "ratio", "listener_p50_ms", "listener_p99_ms", "peers", "writes"},
        ),
        (
            ["revocation", "--peers", "12", "--connections", "4", "--pause-ms", "1"],
            {*LATENCIES, "by", "peers", "connections"},
        ),
        (
            ["revocation", "--peers", "6", "--connections", "2", "--pause-ms", "1", "--by", "lock"],
            {*LATENCIES, "by", "peers", "connections"},
        ),
        (
            ["panel", "--peers", "30", "--puts", "4", "--events", "100", "--looks", "1"],
            {"peers", "puts", "put_p50_ms", "put_p95_ms", "events", "list_p50_ms", "list_p95_ms"} | IMPORT,
        ),
        (["resolve", "--peers", "100", "--runs", "2"], {"lookup_us", "lookup_max_us", "peers", "runs"}),
        (["load", "--peers", "500", "--runs", "1"], {"load_ms", "stall_ms", "stall_max_ms", "peers", "runs"}),
        (
            ["audit", "--rows", "1500", "--requests", "1"],
            {"rows", "row_us", "single_us", "bare_us", "verify_per_s", "offline_per_s"}
            | {"newest_ms", "oldest_ms", "filtered_ms", "searched_ms", "change_ms"},
        ),
        (
            ["vault", "--rounds", "2", "--credentials", "10"],
            {
                *("seal_ratio", "open_ratio", "seal_ratio_ready", "open_ratio_ready", "seal_per_s", "open_per_s"),
                *("derive_per_s", "cached_read_us", "size", "rounds", "credentials"),
            },
        ),
    ],
)
def test_each_bench_ends_in_one_line_of_figures(arguments: list[str], figures: set[str]) -> None:
    done = run_bench(*arguments, python=warm.python())  # none of them looks at its processes from outside
    assert done.returncode == 0, done.stderr
    result = figures_of(done)
    assert result.keys() == {"bench", *figures}
    assert result["bench"] == arguments[0]
    assert all(value > 0 for name, value in result.items() if name not in ("bench", "by"))


def test_percentiles_are_nearest_ranks() -> None:
    samples = [float(number) for number in range(100, 0, -1)]
    assert [percentile(samples, percent) for percent in (0, 1, 50, 99, 99.5, 100)] == [1, 1, 50, 99, 100, 100]
    assert percentile([7.0], 99) == 7.0
    assert spread([1.0, 3.0, 2.0]) == {"p50_ms": 2.0, "p99_ms": 3.0, "max_ms": 3.0}


def test_samples_are_the_same_each_time_and_keep_decision_7() -> None:
    peers = list(sample_peers(50, keyed=5))
    assert peers == list(sample_peers(50, keyed=5))
    credentials = [name for peer in peers for name in (*peer.fingerprints, peer.auth_token_hash) if name]
    assert len(set(credentials)) == len(credentials)
    assert [peer.fingerprints[0] for peer in peers[:5]] == [sample_key(number).fingerprint for number in range(5)]
