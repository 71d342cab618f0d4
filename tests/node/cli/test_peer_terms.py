"""`alknet peer expire`, `rotate` and `note` against the real control plane."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.appliance import alknet, environment
from tests.support.panel import fingerprint, ssh_line

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Command:
    data = tmp_path_factory.mktemp("control") / "data"

    def run(*arguments: str, **options: Any) -> tuple[int, str, str]:
        ran = alknet("peer", *arguments, env=environment(ALKNET_DATA=str(data)), **options)
        return ran.returncode, ran.stdout, ran.stderr

    assert run("add", "ann", "--key", fingerprint(1))[0] == 0
    return run


def test_an_end_is_set_shown_and_taken_away(command: Command) -> None:
    assert command("expire", "ann", "--until", "2999-01-01") == (0, "ann ends 2999-01-01 00:00 UTC.\n", "")
    assert command("note", "ann", "Bob has it.") == (0, "Noted about ann.\n", "")
    shown = command("show", "ann")[1]
    assert "expiry        until 2999-01-01 00:00 UTC\n" in shown
    assert "notes         Bob has it." in shown
    assert command("expire", "ann", "--never") == (0, "ann has no end.\n", "")
    before = time.time()
    end = json.loads(command("expire", "ann", "--for", "2h", "--json")[1])["expires_at"]
    assert before + 7200 <= end <= time.time() + 7200


def test_a_key_is_rotated_with_an_overlap(command: Command, tmp_path: Path) -> None:
    (tmp_path / "new.pub").write_text(f"{ssh_line(2)} ann@new\n")
    rotated = command("rotate", "ann", "--old", ssh_line(1), "--new", f"@{tmp_path / 'new.pub'}", "--overlap", "12h")
    assert rotated == (0, "ann has a new key; the old one holds for 12h yet.\n", "")
    state = json.loads(command("show", "ann", "--json")[1])
    assert state["fingerprints"] == [fingerprint(1), fingerprint(2)]
    assert state["key_expires_at"].keys() == {fingerprint(1)}


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("expire", "ann"), 2, "give one of --for, --until and --never"),
        (("expire", "ann", "--never", "--for", "1h"), 2, "give one of --for, --until and --never"),
        (("expire", "ann", "--until", "2020-01-01"), 2, "--until 2020-01-01: that time has passed"),
        (("expire", "ann", "--for", "soon"), 2, "--for soon: expected a span such as 30m, 2h or 7d"),
        (("expire", "nobody", "--never"), 1, "There is no peer “nobody”."),
        (("expire", "ann", "--never", "--key", fingerprint(9)), 1, "key: This is no key of the peer “ann”."),
        (("rotate", "ann", "--old", "x", "--new", "y", "--overlap", "ever"), 2, "--overlap ever: expected a span"),
        (("rotate", "ann", "--old", fingerprint(9), "--new", ssh_line(3)), 1, "old: This is no key of the peer"),
    ],
)
def test_what_cannot_be_done_is_said(command: Command, arguments: tuple[str, ...], status: int, words: str) -> None:
    done = command(*arguments)
    assert (done[0], done[1], words in done[2]) == (status, "", True), done
