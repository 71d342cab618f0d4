"""`alknet lock`, `alknet locks` and `alknet unlock` against the real control plane."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.appliance import alknet, environment

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("control") / "data"


@pytest.fixture
def command(data: Path) -> Command:
    def run(*arguments: str, **options: Any) -> tuple[int, str, str]:
        ran = alknet(*arguments, env=environment(ALKNET_DATA=str(data)), **options)
        return ran.returncode, ran.stdout, ran.stderr

    return run


def test_the_life_of_a_lock(command: Command) -> None:
    assert command("locks") == (0, "Nothing is locked.\n", "")
    before = time.time()
    wish = ("--for", "2h", "--reason", "why", "--message", "call the desk", "--json")
    placed = json.loads(command("lock", "scope", "fs:write", *wish)[1])
    assert before + 7200 <= placed.pop("expires_at") <= time.time() + 7200
    assert placed.pop("created_by").endswith("(shell)")
    lock_id = placed.pop("id")
    assert placed.pop("created_at")
    assert placed == {
        "target_kind": "scope",
        "target": "fs:write",
        "reason": "why",
        "message": "call the desk",
        "holds": True,
    }
    [listed] = command("locks", "--holding")[1].splitlines()[1:]
    assert listed.startswith(f"{lock_id[:8]}  scope fs:write  ")
    assert listed.endswith("why     call the desk")

    assert command("unlock", lock_id[:8]) == (0, "Unlocked scope fs:write.\n", "")
    status, out, complaint = command("unlock", lock_id[:8])
    assert (status, out, complaint) == (1, "", f"alknet: There is no lock “{lock_id[:8]}”.\n")
    assert command("unlock", "--ended", "--json")[1] == '{"removed": 0}\n'


def test_everything_is_locked_with_a_second_confirmation_only(command: Command) -> None:
    status, _, complaint = command("lock", "everything")
    assert (status, "asks for a confirmation" in complaint) == (2, True)
    assert command("locks")[1] == "Nothing is locked.\n"
    status, out, hint = command("lock", "everything", "--yes", "--until", "2999-01-01")
    assert (status, out) == (0, "Locked everything until 2999-01-01 00:00:00 UTC.\n")
    assert command(*hint.split("alknet ")[1].split()) == (0, "Unlocked everything.\n", "")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("lock", "peer", "nobody"), 1, "target: There is no peer “nobody”"),
        (("lock", "scope", "a", "--for", "soon"), 2, "--for soon: expected a span such as 30m, 2h or 7d"),
        (("lock", "scope", "a", "--until", "2020-01-01"), 2, "--until 2020-01-01: that time has passed"),
        (("lock", "scope", "a", "--for", "1h", "--until", "2999-01-01"), 2, "give one of --for and --until"),
        (("unlock",), 2, "give one of ID and --ended"),
    ],
)
def test_what_cannot_be_done_is_said(command: Command, arguments: tuple[str, ...], status: int, words: str) -> None:
    ran = command(*arguments)
    assert (ran[0], words in ran[2]) == (status, True), ran
