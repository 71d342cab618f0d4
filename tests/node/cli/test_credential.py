"""`alknet credential` and `alknet vault rotate` against the real control plane and a node's real control socket."""

import json
import os
import pty
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from node.core.credentials import MAX_CONTENT, EncryptedData
from node.core.paths import DataPaths
from tests.support.appliance import ALKNET, alknet, environment, warm_alknet
from tests.support.vault_node import VaultNode, opened

CANARY = "sk-canary-7f3a91"


class Box:
    """A data directory whose node seals."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.paths = DataPaths(data)
        self.node = VaultNode(self.paths.control_socket)
        self.environment = environment(ALKNET_DATA=str(data))
        self.result("credential", "list")  # makes the database

    def run(self, *arguments: str, given: str | bytes = "") -> tuple[int, str, str]:
        """One command with something on standard input: status, stdout, stderr. What it says never has the canary."""
        raw = given.encode() if isinstance(given, str) else given
        ran = subprocess.run(
            [*warm_alknet(), *arguments], input=raw, env=self.environment, capture_output=True, timeout=60, check=False
        )
        assert CANARY not in f"{ran.stdout!r}{ran.stderr!r}"
        return ran.returncode, ran.stdout.decode(), ran.stderr.decode()

    def result(self, *arguments: str, given: str = "") -> Any:
        status, out, complaints = self.run(*arguments, "--json", given=given)
        assert status == 0, complaints
        return json.loads(out)

    def content(self, provider: str) -> str:
        statement = f"SELECT key_version, salt, iv, data FROM credentials WHERE provider = '{provider}'"
        return opened(EncryptedData(*self.sql(statement)[0]))

    def stored(self) -> int:
        """How many credentials there are."""
        return int(self.sql("SELECT count(*) FROM credentials")[0][0])

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.paths.database)) as connection, connection:
            return connection.execute(statement).fetchall()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    box = Box(tmp_path_factory.mktemp("box") / "data")
    yield box
    box.node.end()


@pytest.fixture
def box(running: Box) -> Box:
    running.node.tell("unlock")
    running.sql("DELETE FROM credentials")
    return running


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (CANARY, CANARY),
        (f"{CANARY}\r\n", CANARY),
        ("one\ntwo\n\n", "one\ntwo\n"),
        ("one\r", "one\r"),
        ("x" * MAX_CONTENT + "\n", "x" * MAX_CONTENT),
    ],
)
def test_a_content_from_standard_input_loses_one_line_end(box: Box, given: str, kept: str) -> None:
    assert box.run("credential", "set", "openai", given=given)[:2] == (0, "Sealed openai under version 2 of the key.\n")
    assert box.content("openai") == kept


@pytest.mark.parametrize("option", ["--file=-", "--file"])
def test_a_content_from_a_file(box: Box, tmp_path: Path, option: str) -> None:
    (tmp_path / "key").write_text(f"{CANARY}\n")
    way = [option] if option.endswith("-") else [option, str(tmp_path / "key")]
    status, _, complaints = box.run("credential", "set", "openai", *way, given=f"{CANARY}\n")
    assert status == 0, complaints
    assert box.content("openai") == CANARY


def test_listed_with_who_and_when_and_removed(box: Box) -> None:
    stored = box.result("credential", "set", "openai", given=CANARY)
    listed = box.result("credential", "list")
    assert listed == [stored]
    assert stored.keys() == {"provider", "key_version", "changed_at", "changed_by"}
    table = box.run("credential", "list")[1].splitlines()
    assert table[0].split() == ["PROVIDER", "KEY", "VERSION", "SET", "BY"]
    assert table[1].startswith("openai")
    assert stored["changed_by"] in table[1]

    assert box.run("credential", "remove", "openai")[:2] == (0, "Removed openai.\n")
    assert box.run("credential", "remove", "openai")[0] == 1
    assert box.result("credential", "list") == []


@pytest.mark.parametrize("command", [("credential", "rotate", "--all"), ("vault", "rotate")])
def test_all_are_rotated_with_a_line_for_each(box: Box, command: tuple[str, ...]) -> None:
    for name in ("github", "openai"):
        box.result("credential", "set", name, given=f"content of {name}")
    status, out, progress = box.run(*command)

    assert (status, out) == (0, "2 rotated to version 3.\n")
    assert progress.splitlines() == ["1/2  github  rotated", "2/2  openai  rotated"]
    assert [box.content(name) for name in ("github", "openai")] == ["content of github", "content of openai"]
    assert box.result(*command, "--to", "7") == {"to": 7, "rotated": 2, "there": 0, "failed": 0}
    assert box.run(*command, "--to", "7")[1] == "0 rotated to version 7, 2 there already.\n"


def test_one_is_rotated_and_what_cannot_be_opened_ends_with_1(box: Box) -> None:
    for name in ("a", "b"):
        box.result("credential", "set", name, given=CANARY)
    assert box.run("credential", "rotate", "b")[:2] == (0, "1 rotated to version 3.\n")
    box.sql("UPDATE credentials SET data = zeroblob(40) WHERE provider = 'a'")
    status, out, progress = box.run("credential", "rotate", "--all", "--to", "4")

    assert (status, out) == (1, "1 rotated to version 4, 1 failed.\n")
    assert "1/2  a  failed: The node cannot open it" in progress
    assert box.content("b") == CANARY


def test_without_a_vault_that_is_open_nothing_is_changed(box: Box) -> None:
    box.result("credential", "set", "openai", given="before")
    box.node.tell("lock")
    for command in (("credential", "set", "openai"), ("credential", "rotate", "--all"), ("vault", "rotate")):
        status, out, complaints = box.run(*command, given=CANARY)
        assert (status, out) == (1, "")
        assert "alknet vault unlock" in complaints
    assert box.content("openai") == "before"


def test_without_a_node_it_says_how_to_start_one(tmp_path: Path) -> None:
    ran = alknet("credential", "set", "openai", env=environment(ALKNET_DATA=str(tmp_path / "data")), given=CANARY)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "alknet up" in ran.stderr
    assert CANARY not in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "given", "status"),
    [
        (("set", "openai", CANARY), "", 2),
        (("set", "openai", f"--{CANARY}"), "", 2),
        (("set", "openai"), "\n", 1),
        (("set", "openai"), "x" * (MAX_CONTENT + 1), 2),
        (("set", "openai"), b"\xff\xfe", 2),
        (("set", " openai"), CANARY, 1),
        (("set", "openai", "--file", "/nowhere/at/all"), CANARY, 2),
        (("set", "openai", "--file", "/"), CANARY, 2),
        (("rotate",), "", 2),
        (("rotate", "openai", "--all"), "", 2),
        (("rotate", "ghost"), "", 1),
        (("rotate", "--all", "--to", "1"), "", 1),
        (("rotate", "--all", "--to", "x"), "", 2),
        (("remove", "ghost"), "", 1),
    ],
)
def test_what_is_wrong_is_one_line_without_the_content(
    box: Box, arguments: tuple[str, ...], given: str | bytes, status: int
) -> None:
    ended, out, complaints = box.run("credential", *arguments, given=given)
    assert (ended, out) == (status, "")
    assert complaints
    assert "Traceback" not in complaints
    assert box.stored() == 0


def at_a_terminal(box: Box, typed: str) -> tuple[int, str]:
    """`alknet credential set openai` with a terminal to ask at: the status, and all that the terminal showed."""
    pid, master = pty.fork()
    if pid == 0:
        os.execve(ALKNET[0], [*ALKNET, "credential", "set", "openai"], box.environment)
    shown = b""
    with os.fdopen(master, "r+b", buffering=0) as terminal:
        while b"not shown): " not in shown:
            shown += terminal.read(1000)
        terminal.write(typed.encode())
        try:
            while part := terminal.read(1000):
                shown += part
        except OSError:  # how a terminal on Linux says that the other side has ended
            pass
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def test_a_prompt_does_not_show_what_is_typed(box: Box) -> None:
    status, shown = at_a_terminal(box, f"{CANARY}\n")
    assert status == 0, shown
    assert CANARY not in shown
    assert box.content("openai") == CANARY


@pytest.mark.parametrize("typed", ["-----BEGIN PRIVATE KEY-----\n", "x" * 4090 + "\n"])
def test_what_a_terminal_would_cut_short_is_refused(box: Box, typed: str) -> None:
    status, shown = at_a_terminal(box, typed)
    assert status == 2
    assert "use --file" in shown
    assert box.stored() == 0
