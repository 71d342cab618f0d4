"""What `alknet doctor` says of files that others may read."""

import os
from pathlib import Path

import pytest

from node.cli import permission_checks
from node.cli.permission_checks import permissions
from node.core.finding import Level
from node.settings import load_settings


def of(data: Path) -> tuple[Level, str]:
    finding = permissions(load_settings(data=data).settings)
    return finding.level, finding.text


def test_secrets_that_others_may_read_are_a_problem(tmp_path: Path) -> None:
    assert of(tmp_path / "none")[0] is Level.FINE
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o700)
    key = secrets / "web_secret_key"
    key.touch(0o600)
    assert of(tmp_path)[0] is Level.FINE
    key.chmod(0o640)
    level, text = of(tmp_path)
    assert (level, str(key) in text, "chmod -R go=" in text) == (Level.PROBLEM, True, True)
    key.chmod(0o600)
    secrets.chmod(0o755)
    assert of(tmp_path)[0] is Level.PROBLEM


def test_files_of_another_user_are_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permission_checks.os, "geteuid", lambda: os.getuid() + 1)
    level, text = of(tmp_path)
    assert (level, "another user" in text) == (Level.WARNING, True)


def test_an_open_directory_with_an_open_database_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "alknet.db").touch(0o644)
    tmp_path.chmod(0o755)
    assert of(tmp_path)[0] is Level.WARNING
    tmp_path.chmod(0o700)
    assert of(tmp_path)[0] is Level.FINE
