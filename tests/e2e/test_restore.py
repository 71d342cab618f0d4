"""A lost machine: its words, on another one, are the same box for who pinned the old, and open its backup."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from node.vault import PATHS
from tests.support.appliance import Appliance, alknet, environment, running_appliance
from tests.support.boxes import credentials_of, open_box, opened_vault
from tests.support.custody import OTHER_WORDS

CONTENTS = {"github": "content of github", "openai": "content of openai", "gitlab": "content of gitlab"}
PIN_MISMATCH = 4

Machine = Callable[[str], Path]


def move_to(machine: Path, patch: pytest.MonkeyPatch) -> Path:
    """Work on another machine from now on: its home is empty, as is the data directory there, which is given."""
    for variable, place in (("HOME", "home"), ("XDG_CONFIG_HOME", "home/.config")):
        (machine / place).mkdir(parents=True)
        patch.setenv(variable, str(machine / place))
    data = machine / "data"
    data.mkdir(mode=0o700)
    return data


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return lambda name: move_to(tmp_path / name, monkeypatch)


class Client:
    """Somebody elsewhere who trusts one box by its key. What he knows stays his."""

    def __init__(self, home: Path) -> None:
        self._environment = environment(XDG_CONFIG_HOME=str(home))
        self.key = json.loads(alknet("id", "--json", env=self._environment).stdout)["fingerprint"]

    def trust(self, address: str, fingerprint: str) -> None:
        assert alknet("trust", address, fingerprint, env=self._environment).returncode == 0

    def calls(self, address: str) -> tuple[int, str]:
        """The status of a call, and who the node took him for. The node's key is pinned: there is no asking."""
        done = alknet("call", address, "node/whoami", "--json", env=self._environment)
        identity = json.loads(done.stdout)["identity"] if done.returncode == 0 else None
        return done.returncode, identity["id"] if identity else done.stderr


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(tmp_path_factory.mktemp("somebody"))


class Box:
    """What is left of a box whose machine is lost: address, words on paper, host key line, backups."""

    def __init__(self, appliance: Appliance, backup: Path) -> None:
        self.address = appliance.ready["node_address"]
        self.fingerprint = appliance.ready["node_fingerprint"]
        with open_box(appliance.data) as contents:
            self.words = contents.phrase.reveal()
        self.known_host = appliance.run("vault", "pubkey", "ssh-host", "--openssh")
        self.database = backup / "alknet.db"
        backup.mkdir()
        with closing(sqlite3.connect(appliance.data / "alknet.db")) as connection:
            connection.execute("VACUUM INTO ?", (str(self.database),))
        shutil.copytree(appliance.data / "secrets", backup / "secrets")


@pytest.fixture(scope="module")
def lost(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Box:
    """A box that ran on a machine which is no more: with a peer and credentials, two of them rotated."""
    place = tmp_path_factory.mktemp("lost")
    with pytest.MonkeyPatch.context() as patch:
        with running_appliance(move_to(place / "old", patch)) as appliance:
            fill(appliance, client.key)
            client.trust(appliance.ready["node_address"], appliance.ready["node_fingerprint"])
            assert client.calls(appliance.ready["node_address"]) == (0, "somebody")
            box = Box(appliance, place / "backup")
        shutil.rmtree(place / "old")
    return box


def fill(appliance: Appliance, key: str) -> None:
    appliance.run("peer", "add", "somebody", "--key", key)
    given = environment(ALKNET_DATA=str(appliance.data))
    for provider, content in CONTENTS.items():
        assert alknet("credential", "set", provider, env=given, given=content).returncode == 0
    appliance.run("credential", "rotate", "openai")
    appliance.run("credential", "rotate", "gitlab", "--to", "5")


def restore(data: Path, words: str) -> None:
    env = environment(ALKNET_DATA=str(data))
    done = alknet("init", "--words-file", "-", env=env, given=words)
    assert done.returncode == 0, done.stderr


def proves_the_host_key(data: Path, known_host: str) -> None:
    """A signature of the box's SSH host key holds by the line that a client has of the old one."""
    known = load_ssh_public_key(known_host.encode())
    assert isinstance(known, Ed25519PublicKey)
    with opened_vault(data) as vault, vault.derive_ed25519(PATHS.SSH_HOST) as key:
        known.verify(Ed25519PrivateKey.from_private_bytes(key.private_key).sign(b"challenge"), b"challenge")


@pytest.mark.parametrize("secrets_too", [False, True], ids=["database", "database and secrets"])
def test_a_backup_and_the_words_are_the_box_on_a_new_machine(
    lost: Box, machine: Machine, client: Client, secrets_too: bool
) -> None:
    data = machine("new")
    shutil.copy(lost.database, data)
    if secrets_too:
        shutil.copytree(lost.database.parent / "secrets", data / "secrets")
    restore(data, lost.words)
    assert credentials_of(data) == CONTENTS
    with running_appliance(data, "--listen", lost.address) as appliance:
        assert appliance.ready["node_fingerprint"] == lost.fingerprint
        assert client.calls(lost.address) == (0, "somebody")
        assert appliance.run("vault", "pubkey", "ssh-host", "--openssh") == lost.known_host
        assert "3 rotated to version 6" in appliance.run("credential", "rotate", "--all", "--to", "6")
    proves_the_host_key(data, lost.known_host)
    assert credentials_of(data) == CONTENTS


def test_the_words_alone_are_the_box_and_others_are_not(lost: Box, machine: Machine, client: Client) -> None:
    data = machine("new")
    restore(data, lost.words)
    with running_appliance(data, "--listen", lost.address) as appliance:
        assert appliance.ready["node_fingerprint"] == lost.fingerprint
        assert client.calls(lost.address)[0] == 0, "he is served, and a stranger there by now"
    proves_the_host_key(data, lost.known_host)

    another = machine("another")
    restore(another, OTHER_WORDS)
    with running_appliance(another, "--listen", lost.address):
        assert client.calls(lost.address)[0] == PIN_MISMATCH
