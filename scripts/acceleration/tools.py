"""What a build needs and the appliance does not: installed beside it, and thrown away afterwards."""

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
    """A virtual environment with the compiler's packages."""

    python: Path

    @classmethod
    def install(cls, directory: Path) -> "BuildTools":
        """Raises ToolsMissing."""
        subprocess.run((sys.executable, "-I", "-m", "venv", str(directory)), check=True)
        made = cls(directory / "bin" / "python")
        made.pip("install", "--requirement", str(Path(__file__).with_name("requirements.txt")))
        return made

    def pip(self, command: str, *options: str) -> None:
        """Raises ToolsMissing."""
        _pip(self.python, command, *options)


def install_test_tools(directory: Path) -> Path | None:
    """Into this directory, which it gives; None where this interpreter has them all. Raises ToolsMissing."""
    if all(importlib.util.find_spec(name.replace("-", "_")) for name in _TEST_TOOLS):
        return None
    pins = ("--constraint", str(ROOT / "constraints.txt"))
    _pip(Path(sys.executable), "install", "--target", str(directory), *pins, *_TEST_TOOLS)
    return directory


def _pip(python: Path, command: str, *options: str) -> None:
    """Raises ToolsMissing with pip's last words."""
    argv = (str(python), "-I", "-m", "pip", command, "--quiet", "--disable-pip-version-check", *options)
    ran = subprocess.run(argv, capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False)
    if ran.returncode:
        said = [line for line in ran.stderr.splitlines() if line.startswith("ERROR")] or ["pip failed"]
        raise ToolsMissing("; ".join(line.removeprefix("ERROR: ") for line in said[:3]))
