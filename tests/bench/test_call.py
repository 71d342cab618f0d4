"""The bench of calls runs to the end, and computes what it says. Speed is not a test's affair."""

from bench.call import RATIOS, figures
from tests.support.benches import figures_of, run_bench

SIZES = {"rounds": 2, "requests": 70, "subscriptions": 3, "bulk": 1, "transfer_mib": 1}
MEASURED = {name for pair in RATIOS.values() for name in pair}


def test_it_ends_in_ratios_to_the_bare_echo() -> None:
    sizes = [f"--{name.replace('_', '-')}={size}" for name, size in SIZES.items()]
    done = run_bench("call", *sizes)
    assert done.returncode == 0, done.stderr
    result = figures_of(done)
    assert result.pop("bench") == "call"
    assert {name: result.pop(name) for name in SIZES} == SIZES
    spread = result.pop("spread")
    assert spread.keys() == RATIOS.keys()
    assert all(least <= result[name] <= greatest for name, (least, greatest) in spread.items())
    assert result.keys() == RATIOS.keys() | MEASURED
    assert all(value > 0 for value in result.values())


def test_a_ratio_is_the_median_of_the_rounds_ratios() -> None:
    even = dict.fromkeys(MEASURED, 10.0)
    rounds = [even | {"small_per_s": ours, "bare_small_per_s": bare} for ours, bare in ((6, 10), (99, 100), (4, 8))]
    result = figures(rounds)
    assert result["small_ratio"] == 0.6
    assert result["spread"]["small_ratio"] == [0.5, 0.99]
    assert (result["small_per_s"], result["bare_small_per_s"]) == (6, 10)
    assert result["bulk_ratio"] == 1
