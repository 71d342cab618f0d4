"""A box that was killed at any step of a change of its vault starts, opens every credential, and has lost nothing.

Each way in which a kill can leave the files is started as a real node, once; all of them are opened.
"""

import asyncio
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from node.control.client import ControlClient
from node.core.credentials import EncryptedData as Record
from node.core.paths import DataPaths
from node.custody import protection
from node.quic.tls.keys import load_or_create_node_key
from node.vault import EncryptedData
from tests.support.appliance import alknet, environment, running_appliance, warm_alknet
from tests.support.boxes import COLUMNS, credentials_of, open_box, opened_vault, query, store_sealed
from tests.support.custody import (
    IDENTITY,
    QUICK_WRAP,
    by_passphrase,
    custody_at,
    made,
    write_passphrase,
    write_words,
)
from tests.support.killing import NEVER, Killer, killed_at_each_step, nothing
from tests.support.migrated import migrated
from tests.support.node_process import SECONDS, running
from tests.support.waiting import until

SEALED = {"openai": ("content of openai", 2), "github": ("content of github", 3)}
CONTENTS = {name: text for name, (text, _) in SEALED.items()}
UP = ("--listen", "127.0.0.1:0", "--panel", "127.0.0.1:0")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with credentials that the vault of the test's words has sealed."""
    data = tmp_path_factory.mktemp("before") / "data"
    made(data)
    migrated(data)
    store_sealed(data, SEALED)
    return DataPaths(data).database


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "home"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(path))
    monkeypatch.setattr(protection, "PassphraseWrap", QUICK_WRAP)
    return path


@pytest.fixture
def run(tmp_path: Path, home: Path) -> Iterator[Killer]:
    with Killer(tmp_path, home) as run:
        yield run


@pytest.fixture
def words(tmp_path: Path) -> str:
    return str(write_words(tmp_path))


@pytest.fixture
def passphrase(tmp_path: Path) -> str:
    return str(write_passphrase(tmp_path))


class Aftermaths:
    """Starts the box on what a kill has left, unless one was started on files of the same names before."""

    def __init__(self, home: Path, passphrase: str) -> None:
        self._boxes = home / "alknet" / "boxes"
        self._passphrase = passphrase
        self.seen: set[str] = set()

    def start(self, data: Path, *identities: str) -> None:
        box = custody_at(data).existing().box
        keys = [path.name for path in self._boxes.glob(f"*{box}*")]
        names = sorted([path.name for path in (data / "secrets").iterdir()] + keys)
        shape = re.sub("[0-9a-f]{16,}", "…", f"{custody_at(data).existing().protection}: {names}")
        if shape not in self.seen:
            self.seen.add(shape)
            serves = self._serves if DataPaths(data).database.exists() else self._is_up
            serves(data, identities)

    def _is_up(self, data: Path, identities: tuple[str, ...]) -> None:
        """The whole appliance: a node alone waits for a database."""
        with running_appliance(data) as appliance:
            assert (appliance.ready["node_serving"], appliance.ready["vault"]) == (True, "unlocked")
            assert appliance.ready["node_fingerprint"] in identities

    def _serves(self, data: Path, identities: tuple[str, ...]) -> None:
        asyncio.run(self._node_serves(data, identities))

    async def _node_serves(self, data: Path, identities: tuple[str, ...]) -> None:
        async with running(data) as node:
            if node.facts["vault"] == "locked":
                env = environment(ALKNET_DATA=str(data))
                await asyncio.to_thread(alknet, "vault", "unlock", "--passphrase-file", self._passphrase, env=env)
                facts = await asyncio.wait_for(node.lifeline.read_ready(), SECONDS)
                assert facts is not None, node.text()
                node.facts = facts
            assert (node.facts["serving"], node.facts["vault"]) == (True, "unlocked")
            assert node.facts["fingerprint"] in identities
            await asyncio.to_thread(node_opens_all, data)


@pytest.fixture
def aftermaths(home: Path, passphrase: str) -> Aftermaths:
    return Aftermaths(home, passphrase)


def node_opens_all(data: Path) -> None:
    """The running node seals each credential anew, which it cannot without opening it."""
    rows = query(data, f"SELECT {COLUMNS} FROM credentials")
    found = {}
    with ControlClient(DataPaths(data).control_socket) as node, opened_vault(data) as vault:
        for provider, *blob in rows:
            wish = {"credential": Record(*blob).to_json(), "key_version": 9}
            found[provider] = vault.decrypt(EncryptedData.from_json(node.call("credentials/reseal", wish)))
    assert found == credentials_of(data)


def words_of(data: Path) -> str:
    with open_box(data) as contents:
        return contents.phrase.reveal()


def test_the_first_start_of_an_appliance(run: Killer, tmp_path: Path, aftermaths: Aftermaths) -> None:
    """Either there is no vault yet, or one that serves; and the appliance is up at the next try."""
    for data in killed_at_each_step(run, tmp_path, nothing, *UP, program="up"):
        record = custody_at(data).read()
        if record is not None:
            assert len(words_of(data).split()) == 24
            aftermaths.start(data, record.identity)
            assert custody_at(data).existing().sealed == record.sealed
    assert record is not None, "the last of them came up"
    half_made = next(path for path in sorted(tmp_path.glob("data-*")) if custody_at(path).read() is None)
    ended = run(half_made, *UP, program="up")
    assert (ended["status"], len(words_of(half_made).split())) == (0, 24), ended["said"]


def test_restore_of_a_database_from_the_words(
    run: Killer, tmp_path: Path, database: Path, words: str, aftermaths: Aftermaths
) -> None:
    def prepare(data: Path) -> None:
        shutil.copy(database, data)

    for data in killed_at_each_step(run, tmp_path, prepare, "init", "--words-file", words):
        if custody_at(data).read() is None:
            assert run(data, "init", "--words-file", words)["status"] == 0
        assert credentials_of(data) == CONTENTS
        aftermaths.start(data, IDENTITY)


def test_adopt(run: Killer, tmp_path: Path, database: Path, aftermaths: Aftermaths) -> None:
    old: dict[Path, str] = {}

    def prepare(data: Path) -> None:
        made(data)
        shutil.copy(database, data)
        old[data] = load_or_create_node_key(data / "secrets" / "node_key.pem").fingerprint

    for data in killed_at_each_step(run, tmp_path, prepare, "adopt", "--yes"):
        assert credentials_of(data) == CONTENTS
        has_old = (data / "secrets" / "node_key.pem").exists()
        aftermaths.start(data, old[data] if has_old else IDENTITY)
    assert len(aftermaths.seen) == 2


def test_one_box_is_killed_all_the_way_from_passphrase_to_key_file_and_back(
    run: Killer, tmp_path: Path, database: Path, passphrase: str, aftermaths: Aftermaths
) -> None:
    """Never tidied up in between: what a kill left behind is there at the next."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    made(data)[0].protect(by_passphrase())
    shutil.copy(database, data)
    to_passphrase = ("protect", "--passphrase-file", passphrase, "--current-passphrase-file", passphrase)
    to_key_file = ("protect", "--key-file", "usual", "--current-passphrase-file", passphrase)
    for arguments, wanted in ((to_key_file, "key-file"), (to_passphrase, "passphrase")):
        for step in range(1, NEVER):
            status = run(data, *arguments, step=step)["status"]
            assert credentials_of(data) == CONTENTS
            aftermaths.start(data, IDENTITY)
            if status == 0:
                break
            assert status == -signal.SIGKILL
        assert step > 4, "there is something to be killed at"
        assert custody_at(data).existing().protection == wanted


def copied(data: Path, count: int) -> None:
    """More rows of the one that is there: a blob is not bound to its provider (spec vault §10)."""
    numbers = ", ".join(f"({number})" for number in range(count))
    values = f"SELECT 'copy ' || column1, key_version, salt, iv, data FROM credentials, (VALUES {numbers})"
    with closing(sqlite3.connect(DataPaths(data).database, timeout=60)) as connection, connection:
        connection.execute(f"INSERT INTO credentials ({COLUMNS}) {values}")


def rotate_until(data: Path, done: int) -> subprocess.Popen[str]:
    """A rotation of all that has told of so many of them, and goes on."""
    command = [*warm_alknet(), "vault", "rotate"]
    rotation = subprocess.Popen(command, env=environment(ALKNET_DATA=str(data)), stderr=subprocess.PIPE, text=True)
    assert rotation.stderr is not None
    for _ in range(done):
        assert "rotated" in rotation.stderr.readline()
    return rotation


def serving(data: Path) -> None:
    """Wait for a node that answers; what a killed appliance left says that there is one."""
    until(lambda: alknet("status", env=environment(ALKNET_DATA=str(data))).returncode == 0, "another node")


def test_a_rotation_whose_appliance_dies_in_the_middle_loses_nothing(tmp_path: Path, home: Path) -> None:
    """Once the node, once panel and node and all, and the rotating command last."""
    data = tmp_path / "data"
    with running_appliance(data, python=sys.executable) as appliance:
        done = alknet("credential", "set", "openai", env=environment(ALKNET_DATA=str(data)), given="content")
        assert done.returncode == 0, done.stderr
        copied(data, 200)
        expected = credentials_of(data)
        rotation = rotate_until(data, 3)
        os.kill(appliance.ready["node_pid"], signal.SIGKILL)
        _, complaints = rotation.communicate(timeout=SECONDS)
        assert rotation.returncode == 1, complaints
        assert credentials_of(data) == expected
        serving(data)
        rotation = rotate_until(data, 3)
        os.killpg(appliance.process.pid, signal.SIGKILL)
        rotation.kill()
        rotation.communicate()
    assert len(expected) == 201
    assert credentials_of(data) == expected
    with running_appliance(data, python=sys.executable) as appliance:
        serving(data)
        assert "failed" not in appliance.run("vault", "rotate")
        assert query(data, "SELECT DISTINCT key_version FROM credentials") == [(3,)]
    assert credentials_of(data) == expected
