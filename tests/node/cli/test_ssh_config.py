"""`alknet ssh-config`: what it prints, and what it gives no shell."""

import sys
from pathlib import Path

import pytest
import typer

from node.cli.ssh_config import CIPHERS, blocks, proxy_command
from tests.support.appliance import alknet, environment

KEY = "ed25519:" + "ab" * 32


def test_lines_are_printed_for_every_trusted_node(tmp_path: Path) -> None:
    where = environment(XDG_CONFIG_HOME=str(tmp_path))
    assert alknet("ssh-config", env=where).returncode == 2
    assert alknet("trust", "Box", KEY, env=where).returncode == 0
    printed = alknet("ssh-config", env=where).stdout
    assert printed.startswith(f"Host box\n    HostName box\n    Port 4433\n    Ciphers {CIPHERS}\n    ProxyCommand ")
    assert printed.endswith(" nc alknet/ssh %h:%p\n")


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
