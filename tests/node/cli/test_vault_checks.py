"""What the doctor says of the vault, from a directory without one to one that is in order."""

from pathlib import Path

import pytest

from node.cli.vault_checks import vault
from node.core.finding import Level
from node.custody.key_file import usual_key_file
from node.private_file import create_private
from node.settings import Settings, load_settings
from tests.support.custody import by_passphrase, made


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    return tmp_path / "data"


@pytest.fixture
def settings(data: Path) -> Settings:
    return load_settings(data=data).settings


def test_before_the_first_start_nothing_is_wrong(settings: Settings) -> None:
    assert (vault(settings).level, "first start" in vault(settings).text) == (Level.FINE, True)


def test_words_that_nobody_has_seen_are_a_warning_until_somebody_has(settings: Settings, data: Path) -> None:
    custody, _ = made(data)
    assert (vault(settings).level, "alknet vault words" in vault(settings).text) == (Level.WARNING, True)
    custody.mark_shown()
    assert (vault(settings).level, "key file" in vault(settings).text) == (Level.FINE, True)


def test_a_key_file_that_others_may_read_or_that_is_gone_is_a_problem(settings: Settings, data: Path) -> None:
    key_file = usual_key_file(made(data)[1].box)
    key_file.chmod(0o644)
    assert (vault(settings).level, "0644" in vault(settings).text) == (Level.PROBLEM, True)
    key_file.unlink()
    assert (vault(settings).level, "--words-file" in vault(settings).text) == (Level.PROBLEM, True)


def test_a_damaged_file_is_a_problem(settings: Settings, data: Path) -> None:
    made(data)[0].paths.vault.write_text("{")
    assert (vault(settings).level, "is damaged" in vault(settings).text) == (Level.PROBLEM, True)


def test_a_key_file_that_a_cut_off_change_left_is_named(settings: Settings, data: Path) -> None:
    custody, record = made(data)
    key_file = usual_key_file(record.box)
    content = key_file.read_bytes()
    custody.protect(by_passphrase())
    create_private(key_file, content)
    finding = vault(settings)
    assert (finding.level, str(key_file) in finding.text) == (Level.WARNING, True)
