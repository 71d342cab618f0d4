"""The commands that change the vault at rest, killed at every step: what is left opens, and the change can be made."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from node.custody.custody import Custody
from node.custody.key_file import usual_key_file
from node.quic.tls.keys import load_or_create_node_key
from tests.support.appliance import environment
from tests.support.custody import PASSPHRASE, WORDS, by_passphrase, custody_at, made, phrase_in

NEVER = 10_000
"""A step that no command gets to."""

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run `alknet vault …` up to a step: its status, and what it said."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    command = [sys.executable, "-m", "tests.support.killed_at", str(tmp_path)]
    with subprocess.Popen(
        command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def run(data: Path, *arguments: str, step: int = NEVER) -> dict[str, Any]:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps({"step": step, "data": str(data), "arguments": arguments}) + "\n")
            process.stdin.flush()
            done: dict[str, Any] = json.loads(process.stdout.readline())
            return done

        yield run


@pytest.fixture
def words(tmp_path: Path) -> str:
    path = tmp_path / "words"
    path.write_text(WORDS)
    return str(path)


@pytest.fixture
def passphrase(tmp_path: Path) -> str:
    path = tmp_path / "passphrase"
    path.write_text(PASSPHRASE)
    return str(path)


def killed_at_each_step(run: Run, tmp_path: Path, prepare: Callable[[Path], object], *arguments: str) -> Iterator[Path]:
    """A data directory for each step at which the command can be cut off, after that; the last one saw it end well."""
    for step in range(1, NEVER):
        data = tmp_path / f"data-{step}"
        data.mkdir(mode=0o700)
        prepare(data)
        ended = run(data, *arguments, step=step)
        yield data
        if ended["status"] == 0:
            assert step > 2
            return
        assert ended["status"] == -signal.SIGKILL, ended["said"]


def opened(custody: Custody) -> str:
    """The words of a box, by whatever protects it now."""
    return phrase_in(custody, PASSPHRASE if custody.existing().protection == "passphrase" else None)


def nothing(_: Path) -> None:
    """The directory is empty before."""


def test_init(run: Run, tmp_path: Path) -> None:
    for data in killed_at_each_step(run, tmp_path, nothing, "init"):
        custody = custody_at(data)
        if custody.read() is None:
            assert run(data, "init")["status"] == 0
        assert len(opened(custody).split()) == 24


def test_restore_on_a_fresh_machine(run: Run, tmp_path: Path, words: str) -> None:
    for data in killed_at_each_step(run, tmp_path, nothing, "init", "--words-file", words):
        assert run(data, "init", "--words-file", words)["status"] == 0
        assert opened(custody_at(data)) == WORDS


def test_restore_of_a_copy_whose_key_file_is_gone(run: Run, tmp_path: Path, words: str) -> None:
    def prepare(data: Path) -> None:
        usual_key_file(made(data)[1].box).unlink()

    for data in killed_at_each_step(run, tmp_path, prepare, "init", "--words-file", words):
        assert run(data, "init", "--words-file", words)["status"] == 0
        assert opened(custody_at(data)) == WORDS


def test_protect(run: Run, tmp_path: Path, passphrase: str) -> None:
    for data in killed_at_each_step(run, tmp_path, made, "protect", "--passphrase-file", passphrase):
        custody = custody_at(data)
        assert opened(custody) == WORDS
        arguments = ("--passphrase-file", passphrase, "--current-passphrase-file", passphrase)
        assert run(data, "protect", *arguments)["status"] == 0
        assert opened(custody) == WORDS
        assert custody.existing().protection == "passphrase"


def test_back_to_a_key_file(run: Run, tmp_path: Path, passphrase: str) -> None:
    def prepare(data: Path) -> None:
        made(data)[0].protect(by_passphrase())

    arguments = ("protect", "--key-file", "usual", "--current-passphrase-file", passphrase)
    for data in killed_at_each_step(run, tmp_path, prepare, *arguments):
        custody = custody_at(data)
        assert opened(custody) == WORDS
        assert run(data, *arguments)["status"] == 0
        assert opened(custody) == WORDS
        assert custody.existing().protection == "key-file"


def test_from_one_key_file_to_another(run: Run, tmp_path: Path) -> None:
    other = tmp_path / "other.key"
    for data in killed_at_each_step(run, tmp_path, made, "protect", "--key-file", str(other)):
        assert opened(custody_at(data)) == WORDS
        assert run(data, "protect", "--key-file", str(other))["status"] == 0
        assert opened(custody_at(data)) == WORDS


def test_adopt(run: Run, tmp_path: Path) -> None:
    old: dict[Path, str] = {}

    def prepare(data: Path) -> None:
        made(data)
        old[data] = load_or_create_node_key(data / "secrets" / "node_key.pem").fingerprint

    for data in killed_at_each_step(run, tmp_path, prepare, "adopt", "--yes"):
        assert opened(custody_at(data)) == WORDS
        [kept] = (data / "secrets").glob("node_key.pem*")
        assert load_or_create_node_key(kept).fingerprint == old[data]
