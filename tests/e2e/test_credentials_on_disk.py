"""A whole appliance that was given a secret: no byte that it wrote holds it, and one that is gone loses nothing."""

import base64
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.appliance import Appliance, environment, warm_alknet

CANARY = "sk-canary-c0ffee-7f3a91"


@pytest.fixture
def python() -> str:
    return sys.executable


def credential(appliance: Appliance, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*warm_alknet(), "credential", *arguments],
        input=given,
        env=environment(ALKNET_DATA=str(appliance.data)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def written(appliance: Appliance) -> list[Path]:
    """All that the appliance has written, and a backup of its database."""
    backup = appliance.data / "backup.db"
    with (
        closing(sqlite3.connect(appliance.data / "alknet.db")) as source,
        closing(sqlite3.connect(backup)) as target,
    ):
        source.backup(target)
    return [path for path in appliance.data.parent.rglob("*") if path.is_file()]


def test_no_byte_on_disk_and_no_word_holds_the_content(appliance: Appliance) -> None:
    said = [credential(appliance, "set", "openai", given=f"{CANARY}\n") for _ in range(2)]
    said += [credential(appliance, *words) for words in (("list",), ("rotate", "--all"), ("list", "--json"))]
    assert [done.returncode for done in said] == [0] * 5, said[-1].stderr
    files = written(appliance)
    assert {"alknet.db", "alknet.db-wal", "backup.db", "appliance.log"} <= {path.name for path in files}
    traces = [CANARY.encode(), CANARY.encode().hex().encode(), base64.b64encode(CANARY.encode())]
    heard = [f"{done.stdout}{done.stderr}".encode() for done in said]
    assert not [trace for text in (*heard, *(path.read_bytes() for path in files)) for trace in traces if trace in text]


def test_a_node_that_was_killed_is_said_to_be_down_and_loses_nothing(appliance: Appliance) -> None:
    """The whole appliance is killed, so that no supervisor brings the node back meanwhile."""
    assert credential(appliance, "set", "openai", given=CANARY).returncode == 0
    os.killpg(appliance.process.pid, signal.SIGKILL)
    appliance.process.wait()

    for arguments in (("set", "openai"), ("set", "github"), ("rotate", "--all")):
        refused = credential(appliance, *arguments, given=CANARY)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "alknet up" in refused.stderr
    with closing(sqlite3.connect(appliance.data / "alknet.db")) as connection:
        assert connection.execute("SELECT provider, key_version FROM credentials").fetchall() == [("openai", 2)]
