"""The report on the newest aioquic: one line, whatever happens, and never a failure."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from node.quic.version import WANTED

SCRIPT = Path(__file__).parents[2] / "scripts" / "newest_aioquic.py"


@pytest.fixture
def newest() -> ModuleType:
    spec = importlib.util.spec_from_file_location("newest_aioquic", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_without_an_index_it_says_so_and_ends_well(newest: ModuleType, monkeypatch, capsys) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    real = newest.subprocess.run
    monkeypatch.setattr(
        newest.subprocess, "run", lambda argv, **more: real((*argv, "--no-index", "--isolated"), **more)
    )
    newest.main()
    out = capsys.readouterr().out
    assert out.startswith("newest aioquic: not tried: Could not find a version")
    assert out.count("\n") == 1


def test_the_pinned_version_is_not_tried_again(newest: ModuleType, monkeypatch, capsys) -> None:
    monkeypatch.setattr(newest, "_newest_version", lambda: WANTED)
    newest.main()
    assert capsys.readouterr().out == f"newest aioquic: {WANTED}, which is the pinned one\n"


def test_another_version_is_installed_apart_and_reported(newest: ModuleType, monkeypatch, capsys) -> None:
    asked = []
    monkeypatch.setattr(newest, "_newest_version", lambda: "9.9.9")
    monkeypatch.setattr(newest, "_pip", lambda *options: asked.append(options))
    monkeypatch.setattr(newest, "_run_tests", lambda _: (1, "FAILED tests/x.py::test_y - boom\n1 failed, 8 passed\n"))
    newest.main()
    told = f"newest aioquic: 9.9.9 ({WANTED} is pinned): 1 failed, 8 passed; tests/x.py::test_y\n"
    assert capsys.readouterr().out == told
    assert asked[0][0] == "install"
    assert asked[0][-1] == "aioquic==9.9.9"


@pytest.mark.parametrize(
    ("status", "output", "expected"),
    [
        (0, "....\n12 passed, 3 deselected in 4.2s\n", "12 passed, 3 deselected in 4.2s"),
        (4, "ERROR: no such thing", "the tests ended with 4: ERROR: no such thing"),
        (1, "".join(f"FAILED t::{n}\n" for n in range(12)) + "12 failed", "12 failed; t::0;"),
        (1, "".join(f"FAILED t::{n}\n" for n in range(12)) + "12 failed", "and 2 more"),
        (-9, "", "the tests ended with -9"),
    ],
)
def test_what_the_tests_came_to_is_told_in_a_line(newest: ModuleType, status: int, output: str, expected: str) -> None:
    told = newest.outcome(status, output)
    assert expected in told
    assert "\n" not in told
