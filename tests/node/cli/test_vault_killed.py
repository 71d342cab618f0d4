"""The commands that change the vault at rest, killed at every step: what is left opens, and the change can be made."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from node.custody import protection
from node.custody.custody import Custody
from node.custody.key_file import usual_key_file
from node.quic.tls.keys import load_or_create_node_key
from tests.support.custody import (
    PASSPHRASE,
    QUICK_WRAP,
    WORDS,
    by_passphrase,
    custody_at,
    made,
    phrase_in,
    write_passphrase,
    write_words,
)
from tests.support.killing import Killer, killed_at_each_step, nothing


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Killer]:
    home = tmp_path / "home"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    monkeypatch.setattr(protection, "PassphraseWrap", QUICK_WRAP)
    with Killer(tmp_path, home) as run:
        yield run


@pytest.fixture
def words(tmp_path: Path) -> str:
    return str(write_words(tmp_path))


@pytest.fixture
def passphrase(tmp_path: Path) -> str:
    return str(write_passphrase(tmp_path))


def opened(custody: Custody) -> str:
    """The words of a box, by whatever protects it now."""
    return phrase_in(custody, PASSPHRASE if custody.existing().protection == "passphrase" else None)


def test_init(run: Killer, tmp_path: Path) -> None:
    for data in killed_at_each_step(run, tmp_path, nothing, "init"):
        custody = custody_at(data)
        if custody.read() is None:
            assert run(data, "init")["status"] == 0
        assert len(opened(custody).split()) == 24


def test_restore_on_a_fresh_machine(run: Killer, tmp_path: Path, words: str) -> None:
    for data in killed_at_each_step(run, tmp_path, nothing, "init", "--words-file", words):
        assert run(data, "init", "--words-file", words)["status"] == 0
        assert opened(custody_at(data)) == WORDS


def test_restore_of_a_copy_whose_key_file_is_gone(run: Killer, tmp_path: Path, words: str) -> None:
    def prepare(data: Path) -> None:
        usual_key_file(made(data)[1].box).unlink()

    for data in killed_at_each_step(run, tmp_path, prepare, "init", "--words-file", words):
        assert run(data, "init", "--words-file", words)["status"] == 0
        assert opened(custody_at(data)) == WORDS


def test_protect(run: Killer, tmp_path: Path, passphrase: str) -> None:
    for data in killed_at_each_step(run, tmp_path, made, "protect", "--passphrase-file", passphrase):
        custody = custody_at(data)
        assert opened(custody) == WORDS
        arguments = ("--passphrase-file", passphrase, "--current-passphrase-file", passphrase)
        assert run(data, "protect", *arguments)["status"] == 0
        assert opened(custody) == WORDS
        assert custody.existing().protection == "passphrase"


def test_back_to_a_key_file(run: Killer, tmp_path: Path, passphrase: str) -> None:
    def prepare(data: Path) -> None:
        made(data)[0].protect(by_passphrase())

    arguments = ("protect", "--key-file", "usual", "--current-passphrase-file", passphrase)
    for data in killed_at_each_step(run, tmp_path, prepare, *arguments):
        custody = custody_at(data)
        assert opened(custody) == WORDS
        assert run(data, *arguments)["status"] == 0
        assert opened(custody) == WORDS
        assert custody.existing().protection == "key-file"


def test_from_one_key_file_to_another(run: Killer, tmp_path: Path) -> None:
    other = tmp_path / "other.key"
    for data in killed_at_each_step(run, tmp_path, made, "protect", "--key-file", str(other)):
        assert opened(custody_at(data)) == WORDS
        assert run(data, "protect", "--key-file", str(other))["status"] == 0
        assert opened(custody_at(data)) == WORDS


def test_adopt(run: Killer, tmp_path: Path) -> None:
    old: dict[Path, str] = {}

    def prepare(data: Path) -> None:
        made(data)
        old[data] = load_or_create_node_key(data / "secrets" / "node_key.pem").fingerprint

    for data in killed_at_each_step(run, tmp_path, prepare, "adopt", "--yes"):
        assert opened(custody_at(data)) == WORDS
        [kept] = (data / "secrets").glob("node_key.pem*")
        assert load_or_create_node_key(kept).fingerprint == old[data]


def test_showing_the_words(run: Killer, tmp_path: Path) -> None:
    """They are noted as shown after they were: who has not seen them can see them again."""
    for data in killed_at_each_step(run, tmp_path, made, "words", terminal=True):
        assert opened(custody_at(data)) == WORDS
        again = run(data, "words", terminal=True)
        assert (again["status"], "12. about" in again["said"]) in ((0, True), (1, False))
        assert custody_at(data).existing().words_shown_at is not None


def test_a_first_start_on_a_terminal(run: Killer, tmp_path: Path) -> None:
    for data in killed_at_each_step(run, tmp_path, nothing, "init", terminal=True):
        custody = custody_at(data)
        if custody.read() is None:
            assert run(data, "init", terminal=True)["status"] == 0
        if custody.existing().words_shown_at is None:
            assert " 1. " + opened(custody).split()[0] in run(data, "words", terminal=True)["said"]
        assert len(opened(custody).split()) == 24
