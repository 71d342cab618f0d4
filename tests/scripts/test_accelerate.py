"""The accelerated engine's script, as far as it goes without compiling: what it refuses, and what it declares."""

import hashlib
import importlib
import io
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from node.quic.version import WANTED

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "scripts" / "acceleration"
MODULES = ("compiling", "declarations", "gate", "sources", "tools")


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Import one of the script's modules, which find each other in their own directory."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    yield importlib.import_module
    for name in MODULES:
        sys.modules.pop(name, None)


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-P", str(SCRIPTS), *arguments)
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=60, check=False)


def test_without_a_compiler_it_says_what_to_install_and_that_nothing_is_lost() -> None:
    ran = run("--force", CC="no-such-compiler", PATH="/nowhere")
    assert ran.returncode == 1
    assert "apt-get install gcc python3-dev" in ran.stderr
    assert "everything works without it" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_without_the_headers_of_python_it_says_so(load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    compiling = load("compiling")
    monkeypatch.setenv("CC", sys.executable)
    monkeypatch.setattr(compiling.sysconfig, "get_path", lambda _: str(tmp_path))
    with pytest.raises(compiling.Uncompiled, match="apt-get install python3-dev"):
        compiling.require_compiler()


def archive(path: Path, name: str = "aioquic-1.7.2/setup.py") -> Path:
    with tarfile.open(path, "w:gz") as made:
        entry = tarfile.TarInfo(name)
        entry.size = 3
        made.addfile(entry, io.BytesIO(b"one"))
    return path


def test_a_source_of_another_digest_is_not_even_unpacked(load, tmp_path: Path) -> None:
    sources = load("sources")
    made = archive(tmp_path / "aioquic-1.7.2.tar.gz")
    with pytest.raises(sources.SourceRefused, match=f"{'0' * 64} is expected"):
        sources.unpack(made, "0" * 64)
    assert list(tmp_path.iterdir()) == [made]


def test_a_source_of_the_right_digest_is_unpacked_beside_it(load, tmp_path: Path) -> None:
    made = archive(tmp_path / "aioquic-1.7.2.tar.gz")
    source = load("sources").unpack(made, hashlib.sha256(made.read_bytes()).hexdigest())
    assert (source / "setup.py").read_bytes() == b"one"


def test_a_source_that_writes_elsewhere_is_refused(load, tmp_path: Path) -> None:
    made = archive(tmp_path / "aioquic-1.7.2.tar.gz", "../outside")
    with pytest.raises(tarfile.FilterError):
        load("sources").unpack(made, hashlib.sha256(made.read_bytes()).hexdigest())
    assert not (tmp_path.parent / "outside").exists()


def test_what_is_built_from_is_recorded_for_the_wanted_version(load) -> None:
    assert WANTED in load("sources").SHA256
    assert WANTED in load("gate").UPSTREAM_TESTS
    assert f"aioquic=={WANTED}\n" in (ROOT / "constraints.txt").read_text()


def test_the_build_tools_are_pinned_without_an_address() -> None:
    lines = [line for line in (SCRIPTS / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert lines
    assert all("==" in line and "://" not in line for line in lines)


SOURCE = """
from dataclasses import dataclass

class Counter:
    def __init__(self):
        self.count, self.name = 0, ""
        self.frame = None
        self.both = Frame(1)
        self.either, self.far = Frame(1), Far()
        self.away = Far()
        other.hidden = 1

    def add(self):
        self.count += 1
        self.last: int = self.count
        self.frame: Frame | None = Frame(2)
        self.both = self.name

class Untouched: ...

@dataclass
class Base:
    pass

@dataclass
class Frame(Base):
    zulu: int
    alpha: bytes = b""
"""


def test_every_attribute_has_a_slot_and_a_record_its_fields_in_order(load) -> None:
    """One that is set to anything but new objects of one declared class is open to all."""
    text = load("declarations").declarations(
        SOURCE, ["Counter"], ["Base", "Frame"], {"Counter": "here", "Base": "here", "Frame": "here", "Far": "quic/far"}
    )
    assert text.split("\n") == [
        "from aioquic.quic.far cimport Far",
        "cdef class Counter:",
        "    cdef dict __dict__",
        "    cdef object __weakref__",
        "    cdef public Far away",
        "    cdef public object both",
        "    cdef public object count",
        "    cdef public object either",
        "    cdef public object far",
        "    cdef public Frame frame",
        "    cdef public object last",
        "    cdef public object name",
        "",
        "cdef class Base:",
        "    pass",
        "",
        "cdef class Frame(Base):",
        "    cdef public object zulu",
        "    cdef public object alpha",
        "",
    ]


def test_a_class_that_is_gone_is_noticed(load) -> None:
    declarations = load("declarations")
    with pytest.raises(declarations.UnknownSource, match="Gone"):
        declarations.declarations(SOURCE, ["Counter", "Gone"], [], {})


def test_the_installed_engine_has_every_class_that_is_declared(load, tmp_path: Path) -> None:
    declarations = load("declarations")
    installed = Path(sysconfig.get_path("platlib"), "aioquic")
    package = tmp_path / "aioquic"
    shutil.copytree(installed, package, ignore=shutil.ignore_patterns("__pycache__"))
    declarations.declare(package)
    assert "cdef public QuicPacketRecovery _loss" in (package / "quic" / "connection.pxd").read_text()
    compiled = load("compiling").MODULES
    assert {*declarations.STATE, *declarations.RECORDS} <= set(compiled)
    assert all((installed / f"{module}.py").exists() for module in compiled)


class Says:
    """Stands in for the processes of the gate, each with the outcome that a test gives it."""

    def __init__(self, **outcomes: tuple[int, str, str]) -> None:
        self.outcomes = outcomes

    def __call__(self, arguments: tuple[str, ...], **_: object) -> subprocess.CompletedProcess[str]:
        kind = next(part for part in arguments if not part.startswith("-"))
        if kind == "tests.support.hostile":
            kind = "hostile_stock" if arguments[-1] == "stock" else "hostile_tree"
        return subprocess.CompletedProcess(arguments, *self.outcomes[kind])


GOOD = {
    "unittest": (0, "", "Ran 681 tests in 9.0s\n\nOK"),
    "pytest": (0, "....\n9 passed in 1s", ""),
    "hostile_stock": (0, "a", ""),
    "hostile_tree": (0, "a", ""),
}


def prove(gate: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **changes: tuple[int, str, str]) -> dict:
    monkeypatch.setattr(gate, "_run", Says(**{**GOOD, **changes}))
    return gate.prove_whole(tmp_path, tmp_path, None, str)


def test_the_gate_tells_what_was_proven(load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    proven = prove(load("gate"), monkeypatch, tmp_path)
    assert proven == {"aioquic_tests": 681, "our_tests": 9, "hostile": "a"}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"unittest": (1, "", "FAIL: test_close (tests.X)\nRan 681 tests in 9.0s")}, "test_close"),
        ({"unittest": (0, "", "Ran 680 tests in 9.0s\n\nOK")}, "aioquic's own tests do not pass"),
        ({"unittest": (-11, "", "")}, "aioquic's own tests do not pass"),
        ({"pytest": (1, "FAILED tests/x.py::test_y - no\n1 failed, 8 passed", "")}, "tests/x.py::test_y"),
        ({"pytest": (5, "no tests ran", "")}, "our own tests do not pass"),
        ({"hostile_tree": (0, "b", "")}, "otherwise than by stock: b, stock a"),
        ({"hostile_tree": (1, "", "TypeError")}, "TypeError"),
    ],
)
def test_the_gate_refuses_and_tells_what_failed(
    load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, changes: dict[str, tuple[int, str, str]], told: str
) -> None:
    gate = load("gate")
    with pytest.raises(gate.GateFailed, match=told):
        prove(gate, monkeypatch, tmp_path, **changes)


def test_what_is_proven_again_leaves_out_the_tests_of_the_copy_alone(
    load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gate = load("gate")
    monkeypatch.setattr(gate, "_run", Says(**{**GOOD, "unittest": (1, "", "not to be run")}))
    assert gate.prove_with_us(tmp_path, None, str) == {"our_tests": 9, "hostile": "a"}


def test_the_gates_run_side_by_side_and_the_first_failure_is_told(load, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of two waits for the other to have begun. Of what follows a failure nothing begins."""
    gate = load("gate")
    monkeypatch.setattr(gate.os, "cpu_count", lambda: 2)
    met = threading.Barrier(2, timeout=30)

    def meets(name: str) -> dict[str, int]:
        return {name: met.wait() >= 0}

    def fails() -> dict[str, int]:
        raise gate.GateFailed("first")

    assert gate._side_by_side(lambda: meets("one"), lambda: meets("other")) == {"one": True, "other": True}
    monkeypatch.setattr(gate.os, "cpu_count", lambda: 1)
    with pytest.raises(gate.GateFailed, match="first"):
        gate._side_by_side(fails, lambda: meets("one"), lambda: meets("other"))


def test_without_the_tests_nothing_can_be_proven(load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gate = load("gate")
    monkeypatch.setattr(gate, "ROOT", tmp_path)
    with pytest.raises(gate.GateFailed, match="not part of this installation"):
        prove(gate, monkeypatch, tmp_path)
