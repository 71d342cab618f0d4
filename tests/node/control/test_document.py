"""docs/control.md: what it says is so."""

import json
import re
import subprocess
import sys
from pathlib import Path

from node.control.client import MAX_ANSWER
from node.control.errors import ControlCode
from node.control.limits import MAX_FRAME, MAX_PAGE, MAX_PLAINTEXT, MAX_REASON
from node.core.connection import CLOSE_DISCONNECTED
from tests.support.control import Told, control_thread, registry_of

TEXT = (Path(__file__).parents[3] / "docs" / "control.md").read_text()


def test_every_operation_and_every_code_has_its_row() -> None:
    told = Told()
    names = {operation.name for operation in registry_of(told)}
    assert set(re.findall(r"(?m)^\| `(\w+/\w+)` \|", TEXT)) == names
    assert all(f"| `{code}` |" in TEXT for code in ControlCode)


def test_its_numbers_are_those_of_the_code() -> None:
    assert f"at most {MAX_PLAINTEXT // 1024} KiB of UTF-8" in TEXT
    assert f"an answer at most {MAX_ANSWER // 1024**2} MiB" in TEXT
    assert 1.4 < MAX_FRAME / 1024**2 < 1.5
    assert f"1 to {MAX_PAGE}, the default" in TEXT
    assert f"at most {MAX_REASON} characters" in TEXT
    assert f"close code {CLOSE_DISCONNECTED:#x}" in TEXT


def test_its_example_works(tmp_path: Path) -> None:
    [code] = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    with control_thread(tmp_path / "node.sock") as told:
        command = [sys.executable, "-I", "-c", code, str(tmp_path / "node.sock")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert json.loads(done.stdout) == {"connections": 5}
        told.failure = RuntimeError("of itself")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "RuntimeError: INTERNAL: internal error" in done.stderr
