"""`alknet ssh-config`: what it prints, and what it gives no shell."""

import sys
from pathlib import Path

import pytest
import typer
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from node.cli.ssh_config import CIPHERS, blocks, identity_files, proxy_command, quoted
from node.quic.tls.keys import load_node_key
from tests.support.appliance import alknet, environment

KEY = "ed25519:" + "ab" * 32


def test_lines_are_printed_for_every_trusted_node(tmp_path: Path) -> None:
    where = environment(XDG_CONFIG_HOME=str(tmp_path), HOME=str(tmp_path))
    assert alknet("ssh-config", env=where).returncode == 2
    assert alknet("trust", "Box", KEY, env=where).returncode == 0
    *printed, command = alknet("ssh-config", env=where).stdout.splitlines()
    assert printed == [
        "Host box",
        "    HostName box",
        "    Port 4433",
        f"    IdentityFile {tmp_path}/alknet/identity",
        f"    Ciphers {CIPHERS}",
        "    StrictHostKeyChecking accept-new",
    ]
    assert command.startswith("    ProxyCommand ")
    assert command.endswith(" nc alknet/ssh %h:%p")


def test_a_node_is_called_what_the_user_likes(tmp_path: Path) -> None:
    where = environment(XDG_CONFIG_HOME=str(tmp_path), HOME=str(tmp_path))
    assert alknet("ssh-config", "127.0.0.1", "--as", "box", env=where).stdout.startswith("Host box\n    HostName 127.0")
    assert alknet("ssh-config", "127.0.0.1", "--as", "b*", env=where).returncode == 2
    assert alknet("ssh-config", "--as", "box", env=where).returncode == 2


def test_ssh_signs_in_by_the_key_of_this_user_and_by_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    mine, own = tmp_path / "config" / "alknet" / "identity", tmp_path / ".ssh" / "id_ed25519"
    assert list(identity_files()) == [str(mine)]
    own.parent.mkdir()
    own.touch()
    assert list(identity_files()) == [str(mine), str(own)]
    private = load_node_key(mine).private
    mine.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert list(identity_files()) == [str(own)]


def test_a_path_is_one_word_for_openssh() -> None:
    assert [quoted("/a/b"), quoted("/a b"), quoted('/a"5%')] == ["/a/b", '"/a b"', '"/a\\"5%%"']


def test_each_node_has_a_name_of_its_own() -> None:
    printed = list(blocks(["box:4433", "box:5544", "[fe80::1%eth0]:4433"], "nc"))
    assert [block.splitlines()[0] for block in printed] == ["Host box", "Host box-5544", "Host fe80::1%eth0"]
    assert printed[2].splitlines()[1] == "    HostName fe80::1%%eth0"


@pytest.mark.parametrize("host", ["$(id)", "a;b", "*", "-oX", "a'b", "!a", "a,b", 'a"b', "`id`", "a\\b"])
def test_a_host_that_a_shell_or_openssh_would_take_for_more_is_refused(host: str) -> None:
    with pytest.raises(typer.Exit):
        list(blocks([f"{host}:4433"], "nc"))


def test_the_command_is_quoted_for_the_shell_and_for_openssh(tmp_path: Path) -> None:
    odd = tmp_path / "it's 5% $HOME"
    odd.symlink_to(sys.executable)
    quoted = f"{odd}".replace("'", "'\"'\"'").replace("%", "%%")
    assert proxy_command(str(odd)) == f"'{quoted}' nc alknet/ssh %h:%p"
    assert proxy_command("/nonexistent/main.py") == "alknet nc alknet/ssh %h:%p"
