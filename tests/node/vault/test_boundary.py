"""The vault stands alone: what it imports, and what it does without."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / "node" / "vault").glob("*.py"))
OUTSIDE = {"asyncio", "http", "io", "logging", "multiprocessing", "pathlib", "shutil", "socket", "sqlite3", "ssl"}
OUTSIDE |= {"subprocess", "tempfile", "urllib"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_it_imports_the_standard_library_two_packages_and_itself(file: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add(node.module)
    imported = {name for name in imported if not name.startswith("node.vault.")}
    packages = {name.partition(".")[0] for name in imported}
    assert packages <= sys.stdlib_module_names | {"cryptography", "mnemonic"}
    assert packages.isdisjoint(OUTSIDE)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_it_touches_no_file_no_environment_and_no_weak_randomness(file: Path) -> None:
    tree = ast.parse(file.read_text())
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert names.isdisjoint({"open", "print", "input", "exec", "eval", "random"})
    of_os = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os"
    }
    assert of_os <= {"urandom"}


def test_a_program_that_only_opens_a_blob_needs_nothing_else_of_the_project() -> None:
    program = "import json, sys, node.vault; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout)
    ours = {name for name in loaded if name.partition(".")[0] in {"node", "apps", "alknet_site", "bench"}}
    assert {name for name in ours if not name.startswith("node.vault")} == {"node"}
    assert {"django", "aioquic", "honker", "asyncio", "sqlite3", "structlog"}.isdisjoint(loaded)


def test_no_operation_of_any_registry_is_the_vaults() -> None:
    """Unlocking, opening and deriving have no name that a caller could give, whoever it is."""
    texts = {
        (file, node.value)
        for file in (ROOT / "node").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert {text for _, text in texts} >= {
        "credentials/seal",
        "node/status",
    }  # where operations are named, they are found
    assert [(file.name, text) for file, text in texts if text.lstrip("/").startswith("vault/")] == []
