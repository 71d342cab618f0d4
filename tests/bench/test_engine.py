"""The bench of the engine runs every engine to the end, and computes what it says. Speed is not a test's affair."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.engine_figures import figures
from bench.engine_network import NoNamespaceError, ethernet
from bench.engine_side import Side
from node.quic.accelerated import find

ROOT = Path(__file__).parents[2]
SIZES = {"rounds": 1, "mib": 1, "loopback_mib": 1, "connections": 25, "requests": 20, "crowd": 20}
TRANSFERRED = {"upload_mb_s", "download_mb_s", "upload_ms_per_mb", "download_ms_per_mb"}
TRANSFER_RATIOS = {"upload_cpu_ratio", "download_cpu_ratio"}
CONNECTED = {"handshake_ms", "idle_kib"}
CONNECTED_RATIOS = {"handshake_cpu_ratio", "idle_memory_ratio"}
REQUESTED = {"request_us", "requests_s", "request_at_once_us", "requests_at_once_s"}
REQUESTED_RATIOS = {"request_cpu_ratio", "request_at_once_cpu_ratio"}
LOOPBACK = {f"loopback_{name}" for name in TRANSFERRED}
LOOPBACK_RATIOS = {
    "loopback_up_speedup",
    "loopback_down_speedup",
    "loopback_upload_cpu_ratio",
    "loopback_download_cpu_ratio",
}
EVERY_PART = "transfer,loopback,connections,requests,closing,stock-closing"

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


def run_bench(*arguments: str, **variables: str) -> dict[str, Any]:
    sizes = [f"--{name.replace('_', '-')}={size}" for name, size in SIZES.items()]
    command = [sys.executable, "-m", "bench", "engine", *sizes, *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert result.pop("bench") == "engine"
    assert {name: result.pop(name) for name in SIZES} == SIZES
    assert result.pop("load_at_start") >= 0
    assert 0 <= result.pop("waited_percent") <= 100
    return result


def of_sides(names: set[str], *sides: str) -> set[str]:
    return {f"{side}{name}" for side in sides for name in names}


@contextlib.asynccontextmanager
async def namespace_or_skip() -> Any:
    async with contextlib.AsyncExitStack() as stack:
        try:
            network = await stack.enter_async_context(ethernet())
        except NoNamespaceError as error:
            pytest.skip(f"no network namespace: {error}")
        yield network


@linux_only
async def test_every_part_ends_in_figures_of_both_engines() -> None:
    async with namespace_or_skip():
        result = await asyncio.to_thread(run_bench, "--sides=ours,stock", f"--parts={EVERY_PART}")
    ratios = TRANSFER_RATIOS | CONNECTED_RATIOS | REQUESTED_RATIOS | LOOPBACK_RATIOS
    spread = result.pop("spread")
    assert spread.keys() == ratios
    assert all(least == result[name] == greatest for name, (least, greatest) in spread.items())
    assert result.pop("omitted") == {}
    measured = TRANSFERRED | CONNECTED | REQUESTED | LOOPBACK | {"close_ms"}
    assert result.keys() == ratios | of_sides(measured, "", "stock_")
    assert all(value > 0 for value in result.values())


@linux_only
@pytest.mark.parametrize(("side", "requested"), [("qh3", REQUESTED), ("tls", {"request_us", "requests_s"})])
def test_the_others_are_measured_beside(side: str, requested: set[str]) -> None:
    if side == "qh3":
        pytest.importorskip("qh3")
    result = run_bench(f"--sides={side}", "--parts=loopback,requests,connections")
    assert result.pop("omitted") == {}
    assert result.pop("spread") == {}
    assert result.keys() == of_sides(LOOPBACK | CONNECTED | requested, f"{side}_")
    assert all(value > 0 for value in result.values())


@linux_only
def test_an_accelerated_engine_is_measured_or_its_absence_explained() -> None:
    result = run_bench("--sides=accel", "--parts=requests")
    objection = find().objection
    if objection is None:
        assert result.keys() >= of_sides(REQUESTED, "accel_")
    else:
        assert result == {"spread": {}, "omitted": {"accel": objection.value}}


@linux_only
def test_what_is_not_compiled_is_not_measured_as_accelerated(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench.engine_server", "accel", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "imported from elsewhere" in done.stderr


@linux_only
def test_a_run_goes_on_without_an_engine_that_is_for_the_record_only(tmp_path: Path) -> None:
    (tmp_path / "qh3.py").write_text("raise RuntimeError")
    result = run_bench("--sides=qh3,tls", "--parts=requests", PYTHONPATH=str(tmp_path))
    assert result.pop("omitted") == {"qh3": "it failed: the child process ended"}
    assert result.keys() == {"spread", "tls_request_us", "tls_requests_s"}


@linux_only
def test_without_namespaces_the_short_path_is_left_out_with_a_reason() -> None:
    result = run_bench("--sides=stock", "--parts=transfer,requests", PATH="/nonexistent")
    assert result.pop("omitted") == {"transfer": "unshare is not installed"}
    assert result.keys() == {"spread", *of_sides(REQUESTED, "stock_")}


@linux_only
async def test_the_short_path_takes_1500_bytes_and_leaves_nothing_behind() -> None:
    probe = (
        "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(socket.SOL_IP, 10, 3);"
        "s.connect(('127.0.0.1', 9)); s.send(bytes(1472)); s.send(bytes(1473))"
    )
    async with namespace_or_skip() as network:
        process = await asyncio.create_subprocess_exec(
            *network.enter, sys.executable, "-c", probe, stderr=asyncio.subprocess.PIPE
        )
        _, complaint = await process.communicate()
    assert b"Message too long" in complaint
    assert b"ConnectionRefused" not in complaint


def test_a_ratio_is_the_median_of_the_rounds_ratios_to_stock() -> None:
    ours = [{"upload_ms_per_mb": value, "loopback_upload_mb_s": 300.0} for value in (10.0, 99.0, 20.0)]
    stock = [{"upload_ms_per_mb": value, "loopback_upload_mb_s": 30.0} for value in (40.0, 100.0, 80.0)]
    result = figures({Side.OURS: ours, Side.STOCK: stock})
    assert result.pop("spread") == {"upload_cpu_ratio": [0.25, 0.99], "loopback_up_speedup": [10.0, 10.0]}
    assert result == {
        "upload_cpu_ratio": 0.25,
        "loopback_up_speedup": 10.0,
        "upload_ms_per_mb": 20.0,
        "loopback_upload_mb_s": 300.0,
        "stock_upload_ms_per_mb": 80.0,
        "stock_loopback_upload_mb_s": 30.0,
    }


@pytest.mark.parametrize("wrong", [["--parts", "transfer,speed"], ["--sides", "ours,theirs"]])
def test_an_unknown_part_or_engine_is_named(wrong: list[str]) -> None:
    command = [sys.executable, "-m", "bench", "engine", *wrong]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert wrong[1].partition(",")[2] in done.stderr
