"""A restore that is killed at any step leaves the old state or the new one, whole; and it can be made."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.core.paths import DataPaths
from node.data_lock import in_use
from tests.support.backups import data_of, keys_of, made, marks
from tests.support.custody import WORDS, custody_at, phrase_in, write_words
from tests.support.custody import made as vault_made
from tests.support.killing import Killer, killed_at_each_step, nothing


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Killer]:
    home = tmp_path / "home"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    with Killer(tmp_path, home) as run:
        yield run


@pytest.fixture
def backup(tmp_path: Path, run: Killer) -> str:
    """Of a box with the words of these tests."""
    data = data_of(tmp_path / "backed-up", "new")
    (data / "secrets" / "vault.json").unlink()
    vault_made(data)
    return str(made(data, tmp_path / "it.tar").path)


def state(data: Path) -> tuple[set[str], str]:
    """The marks of what a backup without keys replaces, and the words; after whatever was decided has been done."""
    with in_use(data):
        vault = data / "secrets" / "vault.json"
        words = "" if vault.read_text() == "# old\n" else phrase_in(custody_at(data))
        kept = vault.read_bytes()
        vault.write_text((data / "alknet.toml").read_text())
        for file in keys_of(DataPaths(data)):
            file.write_text((data / "alknet.toml").read_text())
        try:
            return marks(data), words
        finally:
            vault.write_bytes(kept)


def test_over_another_state(run: Killer, tmp_path: Path, backup: str) -> None:
    def prepare(data: Path) -> None:
        data_of(data, "old")

    seen = []
    for data in killed_at_each_step(run, tmp_path, prepare, backup, "--yes", program="restore"):
        found, words = state(data)
        assert (found, words) in (({"old"}, ""), ({"new"}, WORDS))
        seen.append(found)
        if len(seen) % 8 == 1:
            assert run(data, backup, "--yes", program="restore")["status"] == 0
            assert state(data) == ({"new"}, WORDS)
    assert seen == sorted(seen, key=lambda found: found == {"new"}), "decided once, and never undone"
    assert seen[0] == {"old"}
    assert seen[-2] == {"new"}, "also where it was killed after the decision"


@pytest.mark.soak
def test_by_words_into_an_empty_directory(run: Killer, tmp_path: Path, backup: str) -> None:
    words = str(write_words(tmp_path))
    shutil.rmtree(tmp_path / "home")  # another machine
    for data in killed_at_each_step(run, tmp_path, nothing, backup, "--words-file", words, program="restore"):
        with in_use(data):
            there = (data / "alknet.db").exists()
        if there:
            assert state(data) == ({"new"}, WORDS)
        assert run(data, backup, "--words-file", words, "--yes", program="restore")["status"] == 0
        assert state(data) == ({"new"}, WORDS)
