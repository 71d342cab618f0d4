"""`alknet peer` and `alknet key` against the real control plane, in a directory that the first of them makes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node.core.fingerprint import spellings
from tests.support.appliance import alknet, environment

KEY = "ed25519:" + "1f" * 32
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory that the first command makes."""
    return tmp_path_factory.mktemp("control") / "not" / "there"


@pytest.fixture
def command(fresh: Path) -> Command:
    def run(*arguments: str) -> tuple[int, str, str]:
        ran = alknet(*arguments, env=environment(ALKNET_DATA=str(fresh)))
        return ran.returncode, ran.stdout, ran.stderr

    return run


def result(ran: tuple[int, str, str]) -> Any:
    assert ran[0] == 0, ran[2]
    return json.loads(ran[1])


@pytest.mark.parametrize("arguments", [("peer", "list"), ("peer", "add", "bob"), ("key", "list")])
def test_a_directory_that_nobody_named_is_not_made(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    ran = alknet(*arguments)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert f"there is no data directory {tmp_path / 'data'}" in ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_peers_life(command: Command, tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_text(KEY + "\n")
    options = ("--scope", "a", "--scope", "b", "--resource", "repo=x, y", "--display-name", "Bob", "--token", "--json")
    more = ("--resource", "host=h", "--resource", "repo=z")
    made = result(command("peer", "add", "bob", "--key", f"@{tmp_path / 'key.pub'}", *options, *more))
    assert made["fingerprints"] == [KEY]
    assert (made["scopes"], made["resources"]) == (["a", "b"], {"host": ["h"], "repo": ["x", "y", "z"]})
    assert made["enabled"] is True
    assert made["token"].startswith("alkp_")

    assert command("peer", "disable", "bob")[1] == "Disabled bob.\n"
    assert command("peer", "rename", "bob", "robert")[1] == "Renamed bob to robert.\n"
    changed = result(command("peer", "set", "robert", "--scope", "", "--display-name", "", "--json"))
    assert (changed["scopes"], changed["display_name"], changed["enabled"]) == ([], None, False)
    assert changed["resources"] == made["resources"]
    assert "token" not in changed
    assert [entry["peer_id"] for entry in result(command("peer", "list", "--disabled", "--json"))] == ["robert"]
    assert result(command("peer", "list", "--enabled", "--json")) == []

    shown = command("peer", "show", "robert")[1]
    assert KEY in shown
    assert "ssh-ed25519 AAAA" in shown
    assert made["token"] not in shown
    assert command("peer", "remove", "robert")[1] == "Removed robert.\n"
    assert command("peer", "show", "robert")[0] == 1


def test_each_line_of_a_file_is_a_key(command: Command, tmp_path: Path) -> None:
    keys = [spellings("ed25519:" + digit * 64).openssh for digit in "ab"]
    (tmp_path / "keys").write_text(f"# of both machines\n{keys[0]} one\n\n{keys[1]} two\n")
    made = result(command("peer", "add", "eve", "--key", f"@{tmp_path / 'keys'}", "--key", KEY, "--json"))
    assert sorted(made["fingerprints"]) == sorted([KEY, *("ed25519:" + digit * 64 for digit in "ab")])
    assert command("peer", "remove", "eve")[0] == 0


def test_every_wrong_field_is_a_line_and_nothing_is_written(command: Command) -> None:
    status, out, err = command("peer", "add", "bob", "--fingerprint", "junk", "--scope", "a b")
    assert (status, out) == (1, "")
    assert {line.split(": ")[1] for line in err.splitlines()} == {"keys", "scopes"}
    assert result(command("peer", "list", "--json")) == []


def test_what_a_file_says_in_a_refusal_steers_no_terminal(command: Command, tmp_path: Path) -> None:
    (tmp_path / "peers.csv").write_text("peer_id,\x1b]0;mine\x07\r\nx,1\r\n")
    status, _, told = command("peer", "import", str(tmp_path / "peers.csv"))
    assert status == 1
    assert "There is no column “\ufffd]0;mine\ufffd”." in told


def test_a_private_key_is_refused_and_not_repeated(command: Command, tmp_path: Path) -> None:
    body = "MC4CAQAwBQYDK2VwBCIEIHVwb3B1cG9wdXBvcHVwb3B1cG9wdXBvcHVwb3B1cG9w"
    secret = f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n"
    (tmp_path / "id").write_text(secret)
    status, out, err = command("peer", "add", "bob", "--key", f"@{tmp_path / 'id'}")
    assert status == 1
    assert "this is a private key" in err
    assert body not in out + err


def test_an_api_keys_life(command: Command) -> None:
    status, key, err = command("key", "add", "--description", "backup", "--scope", "fs:read", "--expires", "30d")
    assert status == 0
    prefix = key[:8]
    assert f"the key of {prefix}" in err
    [listed] = result(command("key", "list", "--json"))
    assert (listed["prefix"], listed["description"], listed["scopes"]) == (prefix, "backup", ["fs:read"])
    assert listed["expires_at"] > 0
    table = command("key", "list")[1]
    assert prefix in table
    assert key.strip() not in table
    assert command("key", "remove", prefix)[0] == 0
    assert command("key", "remove", prefix)[0] == 1
