"""`alknet vault …` as a person or a script uses it: made, restored, protected, shown, and what is never shown."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from node.cli import words
from node.custody.key_file import usual_key_file
from node.quic.tls.keys import load_or_create_node_key
from tests.support.appliance import alknet, environment
from tests.support.custody import (
    IDENTITY,
    OTHER_WORDS,
    PASSPHRASE,
    SSH_HOST,
    WORDS,
    custody_at,
    made,
    phrase_in,
)
from tests.support.terminal import Terminal

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    return tmp_path / "data"


@pytest.fixture
def run(data: Path) -> Run:
    """Run `alknet vault …` on the data directory; `said` is what comes in on standard input."""

    def run(*arguments: str, said: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        return alknet("vault", *arguments, env=environment(ALKNET_DATA=str(data), **variables), given=said)

    return run


@pytest.fixture
def words_file(tmp_path: Path) -> Path:
    path = tmp_path / "words"
    path.write_text(WORDS.upper().replace(" ", "  \n") + "\n")
    return path


@pytest.fixture
def passphrase_file(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.write_text(PASSPHRASE + "\n")
    return path


def test_init_without_a_terminal_makes_a_vault_and_shows_no_word(run: Run, data: Path) -> None:
    ran = run("init")
    assert ran.returncode == 0, ran.stderr
    custody = custody_at(data)
    words = phrase_in(custody).split()
    assert len(words) == 24
    assert not any(f"{word} " in ran.stdout + ran.stderr for word in words if len(word) > 6)
    assert "have not been shown yet" in ran.stdout
    assert custody.existing().words_shown_at is None


@pytest.mark.parametrize("count", ["12", "15", "18", "21"])
def test_init_makes_as_many_words_as_asked_for(run: Run, data: Path, count: str) -> None:
    assert run("init", "--word-count", count).returncode == 0
    assert len(phrase_in(custody_at(data)).split()) == int(count)


def test_init_is_there_under_its_short_name(data: Path) -> None:
    ran = alknet("init", env=environment(ALKNET_DATA=str(data)))
    assert ran.returncode == 0
    assert custody_at(data).existing().identity in ran.stdout


def test_words_restore_the_published_keys(run: Run, words_file: Path) -> None:
    ran = run("init", "--words-file", str(words_file))
    assert ran.returncode == 0, ran.stderr
    assert IDENTITY in ran.stdout
    for name, expected in (("identity", IDENTITY), ("m/74'/0'/0'/0'", IDENTITY), ("m/74h/0h/1h/0h", SSH_HOST)):
        assert run("pubkey", name).stdout == expected + "\n"
    line = run("pubkey", "ssh-host", "--openssh").stdout
    assert line.startswith("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5")


def test_words_come_by_standard_input_too_with_a_bip39_passphrase(run: Run, tmp_path: Path) -> None:
    (tmp_path / "25th").write_text("TREZOR\n")
    ran = run("init", "--words-file", "-", "--bip39-passphrase-file", str(tmp_path / "25th"), said=WORDS)
    assert ran.returncode == 0, ran.stderr
    assert IDENTITY not in ran.stdout
    assert run("pubkey", "identity").stdout.strip() in ran.stdout


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("abandon " * 12, "checksum"),
        ("abandon " * 11 + "swordfish", "number 12"),
        ("swordfish", "12, 15, 18, 21 or 24 words"),
        ("swordfish " * 4000, "longer than 16384 bytes"),
        ("swordfish " * 1000, "too long"),
        ("", "12, 15, 18, 21 or 24 words"),
    ],
)
def test_wrong_words_are_refused_without_repeating_them(run: Run, data: Path, said: str, told: str) -> None:
    ran = run("init", "--words-file", "-", said=said)
    assert ran.returncode in (1, 2)
    assert told in ran.stderr
    assert "swordfish" not in ran.stderr + ran.stdout
    assert "Traceback" not in ran.stderr
    assert custody_at(data).read() is None


def test_what_is_not_text_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "noise").write_bytes(b"\xff\xfe")
    assert "not UTF-8 text" in run("init", "--words-file", str(tmp_path / "noise")).stderr
    assert "cannot be read" in run("init", "--words-file", str(tmp_path / "none")).stderr


def test_a_vault_is_not_replaced_and_the_same_words_protect_it_anew(run: Run, data: Path, words_file: Path) -> None:
    custody, record = made(data)
    refused = run("init")
    assert (refused.returncode, "has a vault already" in refused.stderr) == (1, True)
    refused = run("init", "--words-file", "-", said=OTHER_WORDS)
    assert (refused.returncode, "other words" in refused.stderr) == (1, True)
    usual_key_file(record.box).unlink()
    assert run("pubkey", "identity").returncode == 1
    assert run("init", "--words-file", str(words_file)).returncode == 0
    assert run("pubkey", "identity").stdout == IDENTITY + "\n"
    assert custody.existing().box == record.box


def test_there_and_back_between_key_file_and_passphrase(
    run: Run, data: Path, tmp_path: Path, passphrase_file: Path
) -> None:
    _, record = made(data)
    ran = run("protect", "--passphrase-file", "-", said=PASSPHRASE)
    assert (ran.returncode, "protected by a passphrase" in ran.stdout) == (0, True), ran.stderr
    assert not usual_key_file(record.box).exists()
    assert "no terminal" in run("pubkey", "identity").stderr
    assert run("pubkey", "identity", "--passphrase-file", str(passphrase_file)).stdout == IDENTITY + "\n"
    refused = run("pubkey", "identity", "--passphrase-file", "-", said="wrong")
    assert (refused.returncode, "wrong passphrase" in refused.stderr) == (1, True)
    named = tmp_path / "keys" / "box.key"
    ran = run("protect", "--key-file", str(named), "--current-passphrase-file", str(passphrase_file))
    assert ran.returncode == 0, ran.stderr
    assert run("pubkey", "identity").stdout == IDENTITY + "\n"
    ran = run("protect", "--key-file", "usual")
    assert (ran.returncode, str(named) in ran.stdout) == (0, True)
    assert usual_key_file(record.box).exists()


def test_a_change_to_nowhere_or_to_two_places_is_refused(run: Run, data: Path, passphrase_file: Path) -> None:
    made(data)
    before = custody_at(data).paths.vault.read_bytes()
    for arguments, told in (
        (("--key-file", str(data / "inside.key")), "must not lie within"),
        (("--key-file", "usual", "--passphrase-file", str(passphrase_file)), "expected one of"),
        (("--passphrase-file", "-", "--current-passphrase-file", "-"), "one of the options only"),
        ((), "there is no terminal to ask at"),
        (("--passphrase-file", "/dev/null"), "at least 8 characters"),
        (("--credential-file", "/dev/null"), "is not a file"),
    ):
        ran = run("protect", *arguments)
        assert ran.returncode != 0
        assert told in ran.stderr
    assert custody_at(data).paths.vault.read_bytes() == before


def test_a_setting_names_the_key_file(run: Run, data: Path, tmp_path: Path) -> None:
    named = tmp_path / "by-setting.key"
    assert run("init", ALKNET_VAULT__KEY_FILE=str(named)).returncode == 0
    assert named.exists()
    assert not (tmp_path / "home").exists()
    moved = named.rename(tmp_path / "moved.key")
    assert run("pubkey", "identity").returncode == 1
    assert run("pubkey", "identity", ALKNET_VAULT__KEY_FILE=str(moved)).returncode == 0


def test_a_first_start_with_a_credential_of_the_service_manager_is_opened_by_that(
    run: Run, data: Path, tmp_path: Path
) -> None:
    credential = tmp_path / "credentials" / "alknet-vault-key"
    credential.parent.mkdir()
    credential.write_bytes(os.urandom(32))
    credential.chmod(0o400)
    given = {"CREDENTIALS_DIRECTORY": str(credential.parent)}
    assert run("init", **given).returncode == 0
    assert json.loads(run("status", "--json").stdout)["protected_by"] == "credential"
    assert not (tmp_path / "home").exists()
    assert "LoadCredential=alknet-vault-key" in run("pubkey", "identity").stderr
    assert run("pubkey", "identity", **given).stdout == custody_at(data).existing().identity + "\n"


@pytest.mark.parametrize(
    "path",
    ["", "m/", "m/74", "m/74'/0'/0'/0", "mx/0'", "m/2147483648'", "identity ", "secret words in the wrong place"],
)
def test_what_is_no_path_of_a_key_is_refused(run: Run, data: Path, path: str) -> None:
    made(data)
    ran = run("pubkey", path)
    assert ran.returncode in (1, 2)
    assert ran.stdout == ""
    assert "secret words" not in ran.stderr


def test_status_tells_what_is_there_and_no_secret(run: Run, data: Path) -> None:
    assert json.loads(run("status", "--json").stdout)["vault"] == "absent"
    _, record = made(data)
    load_or_create_node_key(data / "secrets" / "node_key.pem")
    facts = json.loads(run("status", "--json").stdout)
    assert facts["protected_by"] == "key-file"
    assert facts["key_file"] == str(usual_key_file(record.box))
    assert facts["derived_identity"] == IDENTITY
    assert (facts["identity"], facts["node"], facts["words_shown"]) == ("made-up", "not running", None)
    shown = run("status").stdout
    assert usual_key_file(record.box).read_text().strip() not in shown
    assert "never" in shown
    rows = dict(re.split(r" {2,}", line, maxsplit=1) for line in shown.splitlines())
    assert (rows["protected by"], rows["node's key"]) == ("key file", "made-up")
    assert rows["made"] == f"{datetime.fromtimestamp(record.created_at, UTC):%Y-%m-%d %H:%M} UTC"


@pytest.mark.parametrize("command", ["unlock", "lock"])
def test_where_no_node_runs_there_is_nothing_to_unlock(run: Run, data: Path, command: str) -> None:
    made(data)
    ran = run(command)
    assert (ran.returncode, "the node is not running" in ran.stderr) == (1, True)


def test_the_words_are_shown_on_a_terminal_once(data: Path) -> None:
    with Terminal("vault", "init", ALKNET_DATA=str(data)) as terminal:
        assert terminal.end() == 0
    words = phrase_in(custody_at(data)).split()
    for place, word in enumerate(words, 1):
        assert f"{place:2}. {word}" in terminal.shown
    assert custody_at(data).existing().words_shown_at is not None
    with Terminal("vault", "words", ALKNET_DATA=str(data)) as again:
        assert again.end() == 1
    assert "alknet vault protect" in again.shown
    assert f"1. {words[0]}" not in again.shown


def test_words_that_nobody_saw_are_shown_later_and_never_to_a_pipe(run: Run, data: Path) -> None:
    made(data)
    ran = run("words")
    assert (ran.returncode, "on a terminal only" in ran.stderr) == (1, True)
    assert "abandon" not in ran.stdout + ran.stderr
    assert custody_at(data).existing().words_shown_at is None
    with Terminal("vault", "words", ALKNET_DATA=str(data)) as terminal:
        assert terminal.end() == 0
    assert "12. about" in terminal.shown
    assert custody_at(data).existing().words_shown_at is not None


def test_behind_a_passphrase_the_words_are_shown_to_who_knows_it(data: Path) -> None:
    made(data)
    with Terminal("vault", "protect", ALKNET_DATA=str(data)) as terminal:
        for text in (PASSPHRASE, "another one", PASSPHRASE, PASSPHRASE):
            terminal.expect(": ")
            terminal.type(text)
        assert terminal.end() == 0
    assert "These were different" in terminal.shown
    for _ in range(2):
        with Terminal("vault", "words", ALKNET_DATA=str(data)) as terminal:
            terminal.expect("Passphrase of the vault: ")
            terminal.type("not this one")
            terminal.expect("wrong passphrase; wait 1 s")
            terminal.expect("Passphrase of the vault: ")
            terminal.type(PASSPHRASE)
            assert terminal.end() == 0
        assert "12. about" in terminal.shown
        assert PASSPHRASE not in terminal.shown


def test_adopt_tells_what_changes_asks_and_keeps_the_old_key(run: Run, data: Path) -> None:
    made(data)
    key_file = data / "secrets" / "node_key.pem"
    assert "no made-up key" in run("adopt").stderr
    old = load_or_create_node_key(key_file)
    ran = run("adopt")
    assert (ran.returncode, "--yes" in ran.stderr, key_file.exists()) == (1, True, True)
    for text in (old.fingerprint, IDENTITY, "alknet trust ADDRESS"):
        assert text in ran.stdout
    with Terminal("vault", "adopt", ALKNET_DATA=str(data)) as terminal:
        terminal.expect("Switch to the new key?")
        terminal.type("n")
        assert terminal.end() == 1
    assert key_file.exists()
    ran = run("adopt", "--yes")
    assert (ran.returncode, "next start" in ran.stdout) == (0, True)
    assert not key_file.exists()
    assert load_or_create_node_key(key_file.with_name("node_key.pem.replaced")).fingerprint == old.fingerprint
    other = load_or_create_node_key(key_file)
    assert run("adopt", "--yes").returncode == 0
    assert load_or_create_node_key(key_file.with_name("node_key.pem.replaced-2")).fingerprint == other.fingerprint


def test_adopt_does_not_switch_to_a_key_that_cannot_be_had(run: Run, data: Path) -> None:
    _, record = made(data)
    key_file = data / "secrets" / "node_key.pem"
    load_or_create_node_key(key_file)
    usual_key_file(record.box).unlink()
    assert run("adopt", "--yes").returncode == 1
    assert key_file.exists()


def test_the_commands_have_no_option_that_takes_a_secret() -> None:
    for command in ("init", "protect", "unlock", "words", "pubkey", "adopt"):
        text = alknet("vault", command, "--help", env=environment(COLUMNS="200")).stdout
        for option in ("--passphrase ", "--words ", "--password", "--phrase", "--key "):
            assert option not in text
        assert os.linesep in text


def test_words_that_a_terminal_takes_in_parts_are_shown_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[bytes] = []

    def write(_: int, data: bytes) -> int:
        taken.append(data[:7])
        return len(taken[-1])

    monkeypatch.setattr(os, "write", write)
    words._write(1, b"abandon ability able about")
    assert b"".join(taken) == b"abandon ability able about"
