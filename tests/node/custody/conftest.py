"""Each test has a data directory and a home of its own, and passphrases that take no time."""

from pathlib import Path

import pytest

from node.custody import protection
from tests.support.custody import QUICK_WRAP


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.setattr(protection, "PassphraseWrap", QUICK_WRAP)
    path = tmp_path / "data"
    path.mkdir(mode=0o700)
    return path
