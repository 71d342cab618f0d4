"""The image as far as it can be seen without Docker: what Dockerfile and compose.yaml name is there."""

import json
import re
from pathlib import Path

import pytest

from node.cli.commands import COMMANDS
from node.cli.health import Process
from node.settings import load_settings

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = (ROOT / "compose.yaml").read_text()
CALLS = [
    json.loads(f"[{arguments}]")
    for text in (DOCKERFILE, COMPOSE)
    for arguments in re.findall(r'\[(?:"CMD", )?"alknet", (.*?)\]', text)
]
"""What each of their commands gives to `alknet`."""


def test_what_is_copied_is_there_and_not_left_out() -> None:
    assert re.findall(r"(?m)^(?:COPY|ADD) (.*)", DOCKERFILE) == [". /app"]
    named = {
        path for path in re.findall(r"/app/([\w./-]+)", DOCKERFILE) if not path.startswith((".venv", ".hypothesis"))
    }
    left_out = (ROOT / ".dockerignore").read_text().split()
    assert {"scripts/lib.sh", "scripts/accelerate"} <= named
    for path in named:
        assert (ROOT / path).is_file(), path
        assert path.split("/")[0] not in left_out, path


def test_its_variables_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is none is refused by name."""
    given = dict(re.findall(r"\b(ALKNET_\w+)=(\S+)", DOCKERFILE))
    assert len(given) == 3
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = load_settings().settings
    assert (str(settings.data), str(settings.vault.key_file)) == ("/data", "/keys/vault.key")
    assert "8000" in settings.panel.listen


def test_each_command_is_one() -> None:
    assert [" ".join(call) for call in CALLS] == ["health", "up", "web", "health web", "node", "health node"]
    for name, *arguments in CALLS:
        assert name in COMMANDS
        assert set(arguments) <= set(Process)
