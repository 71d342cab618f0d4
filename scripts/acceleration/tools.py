"""A virtual environment with the build tools, made for one build and thrown away with it."""

import importlib.util
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TIME_LIMIT_S = 900
_TEST_TOOLS = ("hypothesis", "pytest", "pytest-asyncio", "pytest-django")


class ToolsMissing(Exception):
    """pip could not do what was asked."""


@dataclass(frozen=True, slots=True)
class BuildTools:
    """The environment's Python, and where the tests' tools are if this interpreter lacks them."""

    python: Path
    test_tools: Path | None

    @classmethod
    def install(cls, directory: Path) -> "BuildTools":
        """Raises ToolsMissing."""
        subprocess.run((sys.executable, "-I", "-m", "venv", str(directory)), check=True)
        has_tests = all(importlib.util.find_spec(name.replace("-", "_")) for name in _TEST_TOOLS)
        made = cls(directory / "bin" / "python", None if has_tests else directory / "test-tools")
        made.pip("install", "--requirement", str(Path(__file__).with_name("requirements.txt")))
        if made.test_tools is not None:
            pins = ("--constraint", str(ROOT / "constraints.txt"))
            made.pip("install", "--target", str(made.test_tools), *pins, *_TEST_TOOLS)
        return made

    def pip(self, command: str, *options: str) -> None:
        """Raises ToolsMissing with pip's last words."""
        argv = (str(self.python), "-I", "-m", "pip", command, "--quiet", "--disable-pip-version-check", *options)
        ran = subprocess.run(argv, capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False)
        if ran.returncode:
            said = [line for line in ran.stderr.splitlines() if line.startswith("ERROR")] or ["pip failed"]
            raise ToolsMissing("; ".join(line.removeprefix("ERROR: ") for line in said[:3]))
