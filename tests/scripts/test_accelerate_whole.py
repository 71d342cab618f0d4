"""The accelerated engine built for real, into an environment of its own, and what a node makes of it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from node.quic.accelerated import STAMP
from node.quic.version import WANTED
from tests.support.appliance import environment, running_appliance

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python that runs the tests, with the same packages, under a prefix of its own."""
    prefix = tmp_path_factory.mktemp("prefix")
    for name in ("bin", "lib", "pyvenv.cfg"):
        (prefix / name).symlink_to(Path(sys.prefix, name))
    return prefix / "bin" / "python"


def accelerate(interpreter: Path) -> str:
    command = (interpreter, "-P", ROOT / "scripts" / "acceleration")
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1500, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def tree(interpreter: Path) -> Path:
    said = accelerate(interpreter)
    assert "compiling" in said
    (tree,) = (interpreter.parents[1] / "alknet-engine").glob(f"aioquic-{WANTED}-*")
    return tree


def log_of_a_node(interpreter: Path, directory: Path) -> str:
    """Its log, up to where it serves."""
    directory.mkdir()
    with running_appliance(directory / "data", python=interpreter, ALKNET_NODE__ENGINE="auto") as up:
        return up.log()


def doctor(interpreter: Path, data: Path) -> str:
    command = (interpreter, "-m", "node.cli.main", "doctor", "--json")
    env = environment(ALKNET_DATA=str(data), ALKNET_NODE__ENGINE="auto")
    ran = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    return next(finding["text"] for finding in json.loads(ran.stdout)["findings"] if finding["name"] == "engine")


def test_what_is_built_is_stamped_with_what_was_proven(tree: Path) -> None:
    stamp = json.loads((tree / STAMP).read_text())
    assert stamp["aioquic"] == WANTED
    assert stamp["proven"]["aioquic_tests"] == 681
    assert stamp["proven"]["our_tests"] > 500
    answered = json.loads(stamp["proven"]["hostile"])
    assert all(answered[kind]["datagrams"] > 5000 for kind in ("ours", "stock"))


def test_a_node_runs_it_until_it_is_tampered_with(interpreter: Path, tree: Path, tmp_path: Path) -> None:
    assert '"engine": "accelerated"' in log_of_a_node(interpreter, tmp_path / "whole")
    assert doctor(interpreter, tmp_path / "data").startswith("accelerated")
    module = next((tree / "aioquic" / "quic").glob("connection.*.so"))
    content = module.read_bytes()
    try:
        module.write_bytes(content + b"\0")
        log = log_of_a_node(interpreter, tmp_path / "tampered")
        assert '"engine": "stock"' in log
        assert "not as it was built" in log
        assert "not as it was built" in doctor(interpreter, tmp_path / "data")
    finally:
        module.write_bytes(content)
    module.chmod(0o777)
    assert '"engine": "stock"' in log_of_a_node(interpreter, tmp_path / "exposed")
    module.chmod(0o755)
    assert '"engine": "accelerated"' in log_of_a_node(interpreter, tmp_path / "again")


def test_with_other_code_around_it_it_is_proven_again_and_not_compiled(interpreter: Path, tree: Path) -> None:
    stamp = json.loads((tree / STAMP).read_text())
    (tree / STAMP).write_text(json.dumps({**stamp, "code": "0" * 64}))
    before = {path: path.stat().st_mtime_ns for path in tree.rglob("*.so")}
    said = accelerate(interpreter)
    assert "compiling" not in said
    assert json.loads((tree / STAMP).read_text()) == stamp
    assert {path: path.stat().st_mtime_ns for path in tree.rglob("*.so")} == before
    assert accelerate(interpreter).startswith("accelerate: the accelerated engine is built, and proven with this code")
