"""The bench of SSH runs to the end, and computes what it says. Speed is not a test's affair."""

from bench.ssh_figures import BULK, MANY, figures
from tests.support.benches import figures_of, linux_only, run_bench

SIZES = {"rounds": 1, "mib": 1, "file_mib": 1, "files": 3, "setups": 1}
WAYS = ("", "tcp_", "asyncssh_")
RATIOS = {f"{name}_vs_{other}" for name in (*BULK, "exec", "sftp") for other in ("engine", "tcp")}
RATIOS |= {f"{name}_vs_tcp" for name in MANY}
MEASURED = {f"{way}{name}_{unit}" for way in (*WAYS, "bare_") for name in BULK for unit in ("mb_s", "cpu_ms_per_mb")}
MEASURED |= {f"{way}{name}" for way in WAYS for name in ("setup_ms", *(f"{name}_per_s" for name in MANY))}


@linux_only
def test_it_ends_in_ratios_to_the_engine_and_to_tcp() -> None:
    sizes = [f"--{name.replace('_', '-')}={size}" for name, size in SIZES.items()]
    done = run_bench("ssh", "--loopback", *sizes, timeout=300)
    assert done.returncode == 0, done.stderr
    result = figures_of(done)
    assert (result.pop("bench"), result.pop("path")) == ("ssh", "loopback")
    assert {name: result.pop(name) for name in SIZES} == SIZES
    assert result.pop("spread").keys() == RATIOS
    assert result.keys() == RATIOS | MEASURED
    assert all(value > 0 for name, value in result.items() if not name.endswith("_cpu_ms_per_mb"))


def test_the_lesser_of_both_ways_counts() -> None:
    even = dict.fromkeys(MEASURED, 10.0)
    result = figures([even | {"exec_up_mb_s": up, "sftp_get_mb_s": get} for up, get in ((9, 30), (5, 2), (7, 8))])
    assert (result["exec_vs_engine"], result["exec_vs_tcp"]) == (0.7, 0.7)
    assert result["sftp_vs_engine"] == 0.8
    assert result["spread"]["sftp_vs_engine"] == [0.2, 1]
