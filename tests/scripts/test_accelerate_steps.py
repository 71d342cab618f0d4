"""What the accelerated engine's script does in each state that it finds.

Trees, stamps and digests are real; instead of a compiler and the gate there is a list of what was asked of them.
"""

import importlib.util
import json
import os
import stat
import sys
from pathlib import Path
from types import ModuleType

import pytest

from node.quic import accelerated
from node.quic.accelerated import STAMP, Objection, digest_of_code, find

SCRIPTS = Path(__file__).parents[2] / "scripts" / "acceleration"
MODULES = ("compiling", "declarations", "gate", "sources", "tools")
MODULE = "aioquic/quic/connection.py"


class Workplace:
    """The script with a place of its own for its tree, and all that it asked for."""

    def __init__(self, script: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.script, self.tree, self.asked = script, tree, list[str]()
        self.proves = {"our_tests": 9}
        monkeypatch.setattr(accelerated, "place", lambda: tree)
        monkeypatch.setattr(script.BuildTools, "install", lambda _: self.asked.append("tools"))
        monkeypatch.setattr(script, "require_compiler", lambda: self.asked.append("compiler"))
        monkeypatch.setattr(script, "fetch_source", lambda _tools, scratch: scratch)
        for name in ("compile_tree", "prove_whole", "prove_with_us"):
            monkeypatch.setattr(script, name, getattr(self, name))

    def compile_tree(self, _tools: object, _source: Path, made: Path) -> Path:
        self.asked.append("compile")
        (made / MODULE).parent.mkdir(parents=True)
        (made / MODULE).write_text("built")
        return made

    def prove_whole(self, *_: object) -> dict[str, int]:
        self.asked.append("prove whole")
        return {"aioquic_tests": 681, **self.proves}

    def prove_with_us(self, tree: Path, *_: object) -> dict[str, int]:
        assert tree == self.tree
        self.asked.append("prove with us")
        return self.proves

    def fail(self, *_: object) -> None:
        raise self.script.GateFailed("no")

    def run(self, *options: str) -> list[str]:
        """What a run asks for."""
        self.asked.clear()
        sys.argv[1:] = options
        self.script.main()
        return list(self.asked)

    def stamp(self) -> dict:
        return json.loads((self.tree / STAMP).read_text())


@pytest.fixture
def workplace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    monkeypatch.setattr(sys, "argv", ["accelerate"])
    mask = os.umask(0o002)
    spec = importlib.util.spec_from_file_location("acceleration_main", SCRIPTS / "__main__.py")
    assert spec
    assert spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    yield Workplace(script, tmp_path / "engines" / "key", monkeypatch)
    os.umask(mask)
    for name in MODULES:
        sys.modules.pop(name, None)


@pytest.fixture
def built(workplace: Workplace) -> Workplace:
    assert workplace.run() == ["compiler", "tools", "compile", "prove whole"]
    return workplace


def outdate(workplace: Workplace) -> None:
    """As after an update of our code."""
    (workplace.tree / STAMP).write_text(json.dumps({**workplace.stamp(), "code": "0" * 64}))
    assert find(workplace.tree).objection is Objection.OUTDATED


def test_what_is_built_is_usable_whatever_the_mask_of_the_shell(built: Workplace) -> None:
    assert find(built.tree).objection is None
    assert stat.S_IMODE((built.tree / MODULE).stat().st_mode) == 0o644
    assert built.stamp()["proven"] == {"aioquic_tests": 681, "our_tests": 9}


def test_with_nothing_to_do_nothing_is_done(built: Workplace) -> None:
    assert built.run() == []
    assert built.run("--force") == ["compiler", "tools", "compile", "prove whole"]


def test_after_a_change_of_our_code_the_copy_is_proven_again_and_not_compiled(built: Workplace) -> None:
    """Without a compiler, too. What was proven of the copy alone stays."""
    outdate(built)
    built.proves = {"our_tests": 10}
    before = (built.tree / MODULE).stat()
    assert built.run() == ["prove with us"]
    assert (built.tree / MODULE).stat().st_ino == before.st_ino
    assert find(built.tree).objection is None
    assert built.stamp()["proven"] == {"aioquic_tests": 681, "our_tests": 10}
    assert built.run() == []


def test_a_copy_that_fails_to_be_proven_again_stays_unused(built: Workplace, monkeypatch) -> None:
    outdate(built)
    monkeypatch.setattr(built.script, "prove_with_us", built.fail)
    with pytest.raises(built.script.GateFailed):
        built.run()
    assert find(built.tree).objection is Objection.OUTDATED


def test_a_copy_that_changed_too_is_built_anew(built: Workplace) -> None:
    outdate(built)
    (built.tree / MODULE).write_text("changed")
    assert built.run() == ["compiler", "tools", "compile", "prove whole"]
    assert (built.tree / MODULE).read_text() == "built"
    assert find(built.tree).objection is None


@pytest.mark.parametrize("state", ["damaged", "unproven", "exposed", "of another recipe"])
def test_a_copy_that_cannot_be_trusted_is_built_anew(built: Workplace, monkeypatch, state: str) -> None:
    match state:
        case "damaged":
            (built.tree / "aioquic" / "more.py").touch()
        case "unproven":
            (built.tree / STAMP).unlink()
        case "exposed":
            built.tree.parent.chmod(0o777)
        case _:
            monkeypatch.setattr(built.script, "recipe", lambda: "another")
    assert built.run() == ["compiler", "tools", "compile", "prove whole"]
    assert find(built.tree).objection is None


def test_code_that_changes_while_the_gate_runs_is_not_what_is_stamped(workplace: Workplace, monkeypatch) -> None:
    """The first build, too, which has no stamp to compare with, takes the digest before."""
    digest_of_code.cache_clear()
    before = digest_of_code()
    digest_of_code.cache_clear()

    def change(*_: object) -> dict[str, int]:
        monkeypatch.setattr(accelerated, "_digest", lambda *_: "changed")
        return {}

    with monkeypatch.context() as changed:
        changed.setattr(workplace.script, "prove_whole", change)
        workplace.run()
    assert workplace.stamp()["code"] == before


def test_a_failed_gate_leaves_the_old_copy_with_its_old_stamp(workplace: Workplace, monkeypatch) -> None:
    """What an earlier run left goes."""
    workplace.tree.mkdir(parents=True)
    (workplace.tree.parent / "building-left" / "by-a-killed-one").mkdir(parents=True)
    (workplace.tree / STAMP).write_text(json.dumps({"code": "old"}))
    monkeypatch.setattr(workplace.script, "prove_whole", workplace.fail)
    with pytest.raises(workplace.script.GateFailed):
        workplace.run()
    assert {path.name for path in workplace.tree.parent.iterdir()} == {"key", "lock"}
    assert workplace.stamp() == {"code": "old"}
