"""The units of systemd/: sound by systemd's own judgement, and as little exposed as docs/systemd.md says."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "systemd").glob("alknet*"))
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
STAND_INS = ("multi-user.target", "network-online.target", "sysinit.target", "basic.target", "shutdown.target")

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A system on which the units are installed; its programs are stand-ins that are never run."""
    root = tmp_path_factory.mktemp("root")
    units = root / "etc" / "systemd" / "system"
    units.mkdir(parents=True)
    for unit in UNITS:
        shutil.copy(unit, units)
    for name in STAND_INS:
        (units / name).write_text("[Unit]\nDescription=stand-in\n")
    for name in ("system.slice", "-.slice"):
        (units / name).write_text("[Unit]\nDescription=stand-in\n[Slice]\n")
    for program in ("opt/alknet/.venv/bin/alknet", "bin/kill", "usr/bin/kill"):
        (root / program).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy("/bin/true", root / program)
    (root / "etc" / "passwd").write_text("alknet:x:999:999::/var/lib/alknet:/usr/sbin/nologin\n")
    return root


def analyzed(systemd_analyze: str, *arguments: str) -> str:
    done = subprocess.run([systemd_analyze, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_they_are_sound(program: Callable[[str], str], root: Path) -> None:
    names = [unit.name for unit in UNITS if unit.suffix != ".sysusers"]
    assert len(names) == 3
    assert analyzed(program("systemd-analyze"), "verify", f"--root={root}", *names) == ""


def test_what_is_wrong_would_be_found(program: Callable[[str], str], root: Path) -> None:
    """Or the test above would hold whatever the units say."""
    (root / "etc" / "systemd" / "system" / "wrong.service").write_text(
        "[Service]\nType=notfy\nExecStart=/bin/nothing\n"
    )
    done = subprocess.run(
        [program("systemd-analyze"), "verify", f"--root={root}", "wrong.service"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "service type" in done.stderr


@pytest.mark.parametrize("service", SERVICES, ids=lambda unit: unit.stem)
def test_they_are_as_little_exposed_as_is_said(program: Callable[[str], str], root: Path, service: Path) -> None:
    told = analyzed(program("systemd-analyze"), "security", "--offline=yes", f"--root={root}", service.name)
    found = re.search(r"exposure level for \S+: ([0-9.]+)", told)
    assert found is not None
    assert f"`{service.name}` | {found[1]} |" in (ROOT / "docs" / "systemd.md").read_text()
