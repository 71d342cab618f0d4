"""Secrets that a whole appliance was given are in nothing that it leaves: no file, backup, answer, log or process.

What is looked for: credentials that were stored, and some whose storing failed; the recovery words, and every key that
follows from them. Where: every byte below the directory in which the appliance has its data, home and temporary files.
"""

import base64
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from node.vault import PATHS, encryption_path_for_version
from tests.support.appliance import ALKNET, Appliance, alknet, environment, running_appliance
from tests.support.boxes import credentials_of, open_box, opened_vault
from tests.support.canary import Hunted, shapes
from tests.support.migrated import migrated
from tests.support.panel_session import PanelSession
from tests.support.process_tree import command_line, family, shown_of
from tests.support.waiting import until

SECONDS = 60
LIST = "/credentials/credential/"


def canary(name: str) -> str:
    """A text that every way of quoting spells differently, but for its middle."""
    return f'sk-{name}-"ä\\/<é>&% +7f3a91c0ffee-{name}-5d0b2e'


CANARIES = {name: canary(name) for name in ("panel", "stdin", "file", "again", "stopped", "locked", "held")}
MIDDLES = {f"middle of {name}": f"7f3a91c0ffee-{name}-5d0b2e" for name in CANARIES}


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory for all that this appliance and its commands write, wherever they would."""
    machine = tmp_path / "machine"
    for variable, name in (("HOME", "home"), ("XDG_CONFIG_HOME", "home/.config"), ("TMPDIR", "tmp")):
        (machine / name).mkdir(parents=True, exist_ok=True)
        monkeypatch.setenv(variable, str(machine / name))
    data = machine / "data"
    data.mkdir(mode=0o700)
    (data / "alknet.toml").write_text('log.level = "debug"\ncapabilities."alknet/call" = ["panel", "stdin"]\n')
    return machine


class Scene:
    """The appliance, the person at its panel, and everything that either has said."""

    def __init__(self, appliance: Appliance, machine: Path) -> None:
        self.appliance = appliance
        self.machine = machine
        self.data = appliance.data
        self.environment = environment(ALKNET_DATA=str(self.data))
        self.panel = PanelSession(appliance.ready["panel_url"])
        self.said = bytearray()
        self.hunted = Hunted(**CANARIES, **MIDDLES)
        self._hunt_what_follows_from_the_words()

    def _hunt_what_follows_from_the_words(self) -> None:
        with open_box(self.data) as contents, opened_vault(self.data) as vault:
            self.hunted.add_words(contents.phrase.reveal())
            for path in (PATHS.IDENTITY, PATHS.SSH_HOST, *map(encryption_path_for_version, (2, 3, 4, 5))):
                with vault.derive_ed25519(path) as key:
                    self.hunted.add(f"key of {path}", bytes(key.private_key))

    def run(self, *arguments: str, given: str = "", expect: int = 0) -> str:
        """One command, whose output is kept for the hunt."""
        done = alknet(*arguments, env=self.environment, given=given)
        self.said += (done.stdout + done.stderr).encode()
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout + done.stderr

    def save(self, provider: str, content: str) -> str:
        """Fill the form of a new credential in."""
        return self.panel.post(f"{LIST}add/", provider=provider, content=content)

    def assert_clean(self, *processes: int) -> None:
        """Nothing has any of it: no file, no answer of panel or command, no process."""
        shown = [shown_of(pid) for pid in (*family(self.appliance.process.pid), *processes)]
        assert all(shown)
        assert self.hunted.found_below(self.machine) == {}
        assert self.hunted.found(bytes(self.said)) == []
        assert self.hunted.found(bytes(self.panel.heard)) == []
        assert self.hunted.found(b"\n".join(shown)) == []

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """The node stands still meanwhile, and answers nobody."""
        os.kill(self.appliance.ready["node_pid"], signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.appliance.ready["node_pid"], signal.SIGCONT)

    def set_while_watched(self, provider: str) -> None:
        """A command that stores this canary, looked at with all its children while it waits for the node."""
        command = [*ALKNET, "credential", "set", provider]
        pipe = subprocess.PIPE
        with self.stopped():
            it = subprocess.Popen(command, env=self.environment, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT)
            assert it.stdin is not None
            it.stdin.write(CANARIES[provider].encode())
            it.stdin.close()
            it.stdin = None
            until(lambda: any(b"manage.py" in command_line(pid) for pid in family(it.pid)), "manage.py")
            self.assert_clean(*family(it.pid))
        self.said += it.communicate(timeout=SECONDS)[0]
        assert it.returncode == 0

    def copies(self, name: str) -> None:
        """Backups in both of SQLite's own ways, beside the database, while it is in use."""
        with closing(sqlite3.connect(self.data / "alknet.db")) as source:
            with closing(sqlite3.connect(self.data / f"{name}-backup.db")) as target:
                source.backup(target)
            source.execute("VACUUM INTO ?", (str(self.data / f"{name}-vacuumed.db"),))


@pytest.fixture
def scene(machine: Path) -> Iterator[Scene]:
    with running_appliance(migrated(machine / "data"), python=sys.executable) as appliance:
        scene = Scene(appliance, machine)
        scene.panel.set_up(appliance.ready["setup_url"])
        yield scene


@pytest.fixture
def given_file(tmp_path: Path) -> str:
    """A file of the user's own: the only one that has a content."""
    path = tmp_path / "given"
    path.write_text(CANARIES["file"])
    return str(path)


def store(scene: Scene, given_file: str) -> None:
    """One canary by each way in."""
    assert "was added successfully" in scene.save("panel", CANARIES["panel"])
    scene.run("credential", "set", "stdin", given=CANARIES["stdin"])
    scene.run("credential", "set", "file", "--file", given_file)
    assert credentials_of(scene.data) == {name: CANARIES[name] for name in ("panel", "stdin", "file")}


def rotate(scene: Scene) -> None:
    """One from the shell, one from the panel, then all from either."""
    assert "1 rotated to version 3" in scene.run("credential", "rotate", "stdin")
    assert "under version 3 of the key" in scene.panel.post(f"{LIST}rotate/", all="yes", to="3")
    assert "3 rotated to version 4" in scene.run("vault", "rotate")


def look_around(scene: Scene) -> None:
    """Everything that tells how the appliance and its credentials are."""
    for command in ("config show", "status", "doctor", "connections", "vault status", "credential list", "peer list"):
        scene.run(*command.split(), "--json")
    for page in (LIST, f"{LIST}panel/change/", f"{LIST}panel/history/", "/audit/auditentry/", "/"):
        scene.panel.get(page)


def fail(scene: Scene) -> None:
    """With a node that answers nobody and with a vault that is locked: from the panel and from the shell."""
    with scene.stopped(), ThreadPoolExecutor() as threads:
        told = threads.submit(scene.save, "stopped", CANARIES["stopped"])
        scene.run("credential", "set", "stopped", given=CANARIES["stopped"], expect=1)
        assert "Nothing was saved" in told.result()
    scene.run("vault", "lock")
    assert "Nothing was saved" in scene.save("locked", CANARIES["locked"])
    assert "alknet vault unlock" in scene.run("credential", "set", "locked", given=CANARIES["locked"], expect=1)
    assert "alknet vault unlock" in scene.run("vault", "rotate", expect=1)
    scene.assert_clean()
    scene.run("vault", "unlock")


def test_a_canary_is_in_nothing_that_the_appliance_leaves(scene: Scene, given_file: str) -> None:
    store(scene, given_file)
    scene.assert_clean()
    scene.set_while_watched("held")
    assert credentials_of(scene.data)["held"] == CANARIES["held"]
    scene.copies("first")
    scene.run("credential", "remove", "held")
    rotate(scene)
    look_around(scene)
    scene.assert_clean()
    fail(scene)
    scene.run("credential", "remove", "stdin")
    scene.panel.post(f"{LIST}panel/delete/", post="yes")
    scene.run("credential", "set", "stdin", given=CANARIES["again"])
    assert credentials_of(scene.data) == {"file": CANARIES["file"], "stdin": CANARIES["again"]}
    scene.copies("second")
    scene.assert_clean()
    assert scene.appliance.stop() == 0
    assert scene.hunted.found_below(scene.machine) == {}


WORDS = "scheme spot photo card baby mountain device kick cradle pact join borrow"


@pytest.mark.parametrize("secret", [canary("text"), bytes(range(200, 232))], ids=["text", "key"])
def test_the_hunt_finds_every_shape_wherever_it_stands(secret: str | bytes) -> None:
    hunted = Hunted(it=secret)
    for name, shape in shapes(secret):
        assert f"it as {name}" in hunted.found(b"\0before" + shape + b"after\xff")
    raw = secret if isinstance(secret, bytes) else secret.encode()
    for lead in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            assert hunted.found(encode(b"x" * lead + raw + b"y"))
    assert hunted.found(b"nothing of it") == []


@pytest.mark.parametrize("between", [" ", "\n", '", "', "\n 7. "])
def test_the_hunt_finds_words_however_they_are_set_apart(between: str) -> None:
    told = f"and {between.join(WORDS.split()[3:7])}."
    hunted = Hunted([WORDS])
    assert hunted.found(told.encode()) == hunted.found(told.encode("utf-16")) == ["recovery words"]
    assert hunted.found(b"scheme spot, and a photo card") == []


def test_the_hunt_reads_databases_and_the_names_of_files(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        connection.execute("PRAGMA journal_mode = wal")
        connection.execute("CREATE TABLE t (v)")
        connection.execute("INSERT INTO t VALUES (?)", [CANARIES["panel"]])
        connection.commit()
        (tmp_path / MIDDLES["middle of file"]).touch()
        found = Hunted(**CANARIES, **MIDDLES).found_below(tmp_path)
    assert {Path(path).name for path in found} == {"a.db-wal", MIDDLES["middle of file"]}
