"""A real link of 1 500 bytes: the loopback of a network namespace of the test's own."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize(
    ("host", "mtu", "found"), [("127.0.0.1", 1500, 1472), ("::1", 1500, 1452), ("::1", 1280, 1200)]
)
def test_each_direction_finds_what_the_link_takes(program, host, mtu, found):
    unshare, ip = program("unshare"), program("ip")
    if subprocess.run([unshare, "--net", "true"], check=False, capture_output=True).returncode:
        pytest.skip("no network namespace can be made here")
    script = f'{ip} link set lo mtu {mtu} up && exec "$@"'
    run = subprocess.run(
        [unshare, "--net", "sh", "-c", script, "sh", sys.executable, "-m", "tests.support.narrow", host],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    sizes = [line.split()[0] for line in run.stdout.splitlines()]
    assert sizes == [str(found)] * 2
