"""The choice between the stock engine and an accelerated one. The trees here are copies of the installed package."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from node.quic import accelerated
from node.quic.accelerated import STAMP, Objection, digest_of_code, digest_of_tree, find

ROOT = Path(__file__).parents[3]

LOADS = """
import sys
from pathlib import Path
from node.quic import accelerated
tree = Path(sys.argv[1])
accelerated.place = lambda: tree
accelerated.load(sys.argv[2])
from node.quic import selftest
selftest.check_engine()
import aioquic
print(Path(aioquic.__file__).is_relative_to(tree), str(tree) in sys.path)
"""


@pytest.fixture
def tree(tmp_path):
    """A whole tree with a good stamp."""
    made = tmp_path / "engine"
    mask = os.umask(0o022)
    installed = Path(sysconfig.get_path("platlib"), "aioquic")
    shutil.copytree(installed, made / "aioquic", ignore=shutil.ignore_patterns("__pycache__"))
    for path in (tmp_path, *made.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o022)  # as installed, for whatever that was
    stamp(made)
    yield made
    os.umask(mask)


def stamp(tree, **changes):
    content = {"tree": digest_of_tree(tree), "code": digest_of_code(), **changes}
    (tree / STAMP).write_text(json.dumps(content))


def loaded(tree, choice="auto"):
    """Whether a fresh process runs the engine of the tree, and what it told."""
    ran = subprocess.run(
        [sys.executable, "-c", LOADS, str(tree), choice], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    imported, in_path = ran.stdout.split()
    assert imported == in_path
    return imported == "True", ran.stderr


def test_a_whole_tree_that_passed_its_gate_is_used(tree):
    assert find(tree).objection is None
    assert loaded(tree) == (True, "")


def test_the_setting_turns_it_off(tree):
    assert loaded(tree, "stock") == (False, "")


def test_where_none_is_built_nothing_is_said(tmp_path):
    assert find(tmp_path / "none").objection is Objection.ABSENT
    assert loaded(tmp_path / "none") == (False, "")


@pytest.mark.parametrize("content", [None, b"", b"[]", b"{}", b"\xff", b"null"])
def test_without_a_good_stamp_the_stock_engine_runs(tree, content):
    (tree / STAMP).unlink()
    if content is not None:
        (tree / STAMP).write_bytes(content)
    assert find(tree).objection in (Objection.UNPROVEN, Objection.OUTDATED)


def test_a_tree_without_a_stamp_is_not_used_and_that_is_told(tree):
    (tree / STAMP).unlink()
    used, told = loaded(tree)
    assert not used
    assert "has not passed its gate" in told


def test_a_gate_passed_with_other_code_does_not_count(tree):
    stamp(tree, code="0" * 64)
    assert find(tree).objection is Objection.OUTDATED


@pytest.mark.parametrize("change", ["changed", "added", "removed", "renamed"])
def test_a_tree_that_changed_since_is_not_used(tree, change):
    module = tree / "aioquic" / "quic" / "stream.py"
    match change:
        case "changed":
            module.write_bytes(module.read_bytes() + b"\n")
        case "added":
            (module.parent / "more.so").touch()
        case "removed":
            module.unlink()
        case "renamed":
            module.rename(module.with_name("streams.py"))
    assert find(tree).objection is Objection.DAMAGED


@pytest.mark.parametrize("mode", [0o020, 0o002])
@pytest.mark.parametrize("place", ["..", ".", "aioquic", "aioquic/quic/stream.py", STAMP])
def test_a_tree_that_others_may_write_is_not_used(tree, place, mode):
    path = tree / place
    path.chmod(path.stat().st_mode | mode)
    assert find(tree).objection is Objection.EXPOSED
    path.chmod(path.stat().st_mode & ~mode)
    assert find(tree).objection is None


def test_a_tree_that_others_may_write_is_not_loaded_and_that_is_told(tree):
    (tree / "aioquic" / "tls.py").chmod(0o666)
    used, told = loaded(tree)
    assert not used
    assert "others can write" in told


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("place", ["..", ".", "aioquic", "aioquic/quic/stream.py", STAMP])
def test_a_tree_of_another_user_is_not_used(tree, place):
    os.chown(tree / place, 12345, -1)
    assert find(tree).objection is Objection.EXPOSED


def test_what_root_built_may_be_used_by_others_and_what_they_built_not_by_third_ones(tree, monkeypatch):
    owner = tree.stat().st_uid
    monkeypatch.setattr(accelerated.os, "geteuid", lambda: 12345)
    assert find(tree).objection is (None if owner == 0 else Objection.EXPOSED)


@pytest.mark.parametrize("place", ["aioquic/quic", "aioquic/quic/stream.py", "aioquic/more.py"])
def test_a_link_that_leads_out_of_the_tree_is_not_used(tree, tmp_path, place):
    path = tree / place
    if path.exists():
        path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert find(tree).objection is Objection.EXPOSED


def test_loading_leaves_nothing_behind_in_the_tree(tree):
    """A compiled module that Python wrote there would have the mode of whoever ran it."""
    before = sorted(tree.rglob("*"))
    assert loaded(tree)[0]
    assert sorted(tree.rglob("*")) == before


@pytest.mark.parametrize("breaks", ["raise SystemError('broken')", "import no_such_module", "def"])
def test_a_tree_that_cannot_be_imported_leaves_the_stock_engine(tree, breaks):
    """With a stamp that fits: the self-test then runs on the stock engine, which must not be half of each."""
    (tree / "aioquic" / "quic" / "recovery.py").write_text(breaks)
    stamp(tree)
    used, told = loaded(tree)
    assert not used
    assert "cannot be imported; the stock one runs" in told


def test_it_is_kept_apart_for_each_version_interpreter_and_machine(monkeypatch):
    keys = {accelerated.key()}
    for name, value in [
        ("WANTED", "1.7.3"),
        ("EXTENSION_SUFFIXES", [".cpython-399-x86_64-linux-gnu.so"]),
        ("platform", type("Other", (), {"machine": staticmethod(lambda: "riscv64")})),
    ]:
        with monkeypatch.context() as changed:
            changed.setattr(accelerated, name, value)
            keys.add(accelerated.key())
    assert len(keys) == 4


def test_a_process_that_has_imported_the_engine_keeps_it(tree, monkeypatch):
    monkeypatch.setattr(accelerated, "place", lambda: tree)
    imported = accelerated.running()
    before = list(sys.path)
    assert accelerated.load("auto") is imported
    assert sys.path == before


def test_what_the_gate_proves_is_the_whole_package(tmp_path):
    shutil.copytree(ROOT / "node", tmp_path / "node", ignore=shutil.ignore_patterns("__pycache__"))
    part = tmp_path / "node" / "quic" / "part"
    part.mkdir()
    code = "from node.quic.accelerated import digest_of_code; print(digest_of_code())"

    def digest(source):
        (part / "module.py").write_text(source)
        return subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, check=True).stdout

    assert digest("") == digest("") != digest("changed = True")


def test_a_tree_of_another_user_that_cannot_be_read_stops_no_start(tree):
    tree.parent.chmod(0)
    user = os.geteuid()
    os.seteuid(user or 65_534)
    try:
        found = find(tree)
    finally:
        os.seteuid(user)
        tree.parent.chmod(0o700)
    assert found.objection is Objection.UNREADABLE
