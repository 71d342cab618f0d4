"""The command itself: quick help, and one exit status for each kind of mistake."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from node.cli.commands import COMMANDS
from tests.support.appliance import alknet, environment

PIN = "ed25519:" + "a" * 64


def test_help_lists_every_command_and_imports_none_of_them() -> None:
    code = (
        "import sys\n"
        "from node.cli.main import main\n"
        "sys.argv = ['alknet', '--help']\n"
        "try:\n    main()\n"
        "finally:\n    print('\\0' + ' '.join(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    shown, _, modules = ran.stdout.partition("\0")
    assert all(f" {name} " in shown for name in COMMANDS)
    heavy = {"django", "aioquic", "pydantic", "cryptography", "asyncio", "structlog"}
    assert heavy.isdisjoint(modules.split())


EACH_ALONE = """
import os, sys, traceback
from importlib import import_module
import aioquic.tls, cryptography.x509, pydantic_settings, structlog, typer  # dear, and none of ours
for name in sys.argv[1:]:
    if os.fork() == 0:
        try:
            import_module(name)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert os.wait()[1] == 0, name
"""


def test_each_command_is_imported_without_the_others() -> None:
    """What the other tests start has imported them all (tests.support.warm)."""
    command = [sys.executable, "-c", EACH_ALONE, *(module for module, _ in COMMANDS.values())]
    ran = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_a_users_own_commands_do_not_wait_for_the_settings() -> None:
    code = "import sys, node.cli.id, node.cli.trust, node.cli.call, node.cli.ops; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert {"node.settings", "pydantic_settings", "django", "honker"}.isdisjoint(ran.stdout.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_under_its_own_name(name: str) -> None:
    ran = alknet(name, "--help")
    assert ran.returncode == 0
    assert f"{name} " in ran.stdout
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["up", "--nonsense"], "No such option"),
        (["up", "--listen", "4433"], "option: wrong value of “node.listen”: expected HOST:PORT"),
        (["peer", "add"], "Missing argument 'NAME'"),
        (["peer", "add", "bob", "--key", "@/no/such/file"], "--key @/no/such/file: cannot be read"),
        (["peer", "add", "bob", "--key", "@/dev/null"], "--key @/dev/null: no key is in it"),
        (["peer", "add", "bob", "--key", "@/dev/zero"], "--key: longer than 32768 characters"),
        (["peer", "add", "bob", "--key", ""], "--key: expected a key"),
        (["peer", "set", "bob", "--key", "-"], "--key -: no key is in it"),
        (["peer", "add", "bob", "--resource", "repo"], "--resource repo: expected KIND=NAME,NAME"),
        (["key", "add", "--expires", "soon"], "--expires soon: expected a span"),
        (["key", "add", "--expires", "2001-01-01"], "--expires 2001-01-01: that time has passed"),
        (["key", "add", "--expires", "100000d"], "--expires 100000d: expected a span"),
        (["trust", "127.0.0.1:1"], "expected ADDRESS FINGERPRINT"),
        (["trust", "127.0.0.1:x", PIN], "ADDRESS: expected HOST:PORT"),
        (["trust", "127.0.0.1:1", "SHA256:base64"], "FINGERPRINT: a certificate fingerprint is"),
        (["call", "127.0.0.1:1", "node/whoami"], "alknet trust 127.0.0.1:1 FINGERPRINT"),
        (["call", "127.0.0.1:1", "node/whoami", "{"], "JSON: "),
        (["call", "127.0.0.1:1", "node/whoami", "--pin", "x"], "--pin: expected"),
        (["call", "127.0.0.1:1", "x", "--pin", PIN, "--token", "a", "--token-file", "b"], "exclude each other"),
        (
            ["call", "127.0.0.1:1", "x", "--identity", "/no/key", "--pin", PIN],
            "/no/key: no such file",
        ),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_is_wrong(tmp_path: Path, arguments: list[str], expected: str) -> None:
    ran = alknet(*arguments, env=environment(XDG_CONFIG_HOME=str(tmp_path), ALKNET_DATA=str(tmp_path), COLUMNS="200"))
    assert ran.returncode == 2, ran.stderr
    assert expected in ran.stderr
    assert "Traceback" not in ran.stderr


def test_config_show_tells_each_value_and_its_origin(tmp_path: Path) -> None:
    (tmp_path / "alknet.toml").write_text('[log]\nlevel = "error"\n')
    env = environment(ALKNET_DATA=str(tmp_path), ALKNET_CALL__MAX_IN_FLIGHT="7")
    shown = json.loads(alknet("config", "show", "--json", env=env).stdout)
    assert shown["log.level"] == {"value": "error", "origin": "alknet.toml line 2"}
    assert shown["call.max_in_flight"] == {"value": 7, "origin": "environment ALKNET_CALL__MAX_IN_FLIGHT"}
    assert shown["panel.listen"]["origin"] == "default"
    table = alknet("config", "show", env=env).stdout
    assert len(table.splitlines()) == len(shown) + 1


@pytest.mark.parametrize("command", [["up"], ["node"], ["web"], ["peer", "list"], ["key", "list"]])
def test_a_data_directory_that_is_none_is_told_in_a_sentence(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "file").touch()
    for data in (tmp_path / "file", tmp_path / "file" / "below"):
        ran = alknet(*command, "--data", str(data))
        assert ran.returncode == 1
        assert str(data) in ran.stderr
        assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("command", ["up", "node"])
def test_a_server_told_to_stop_while_it_is_imported_ends_with_0(tmp_path: Path, command: str) -> None:
    """Python tells each import; the first ones are typer's."""
    argv = [sys.executable, "-X", "importtime", "-m", "node.cli.main", command, "--data", str(tmp_path)]
    with subprocess.Popen(argv, env=environment(), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any("typer" in line for line in process.stderr)
        process.terminate()
        err = process.stderr.read()
    assert process.returncode == 0
    assert "Traceback" not in err
    assert not (tmp_path / "run" / "ready.json").exists()


def test_wrong_settings_stop_every_command(tmp_path: Path) -> None:
    (tmp_path / "alknet.toml").write_text("[panel]\nlisen = 1\n")
    for command in (["up"], ["node"], ["web"], ["config", "show"], ["peer", "list"]):
        ran = alknet(*command, "--data", str(tmp_path))
        assert ran.returncode == 2
        assert "alknet.toml line 2: unknown key “panel.lisen”; did you mean “panel.listen”?" in ran.stderr
