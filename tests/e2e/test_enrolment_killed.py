"""A crash at any point of enrolment leaves no half-admitted peer, and no code that works twice."""

import json
import shutil
import socket
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from node.core.enrolment.code import InviteCode, new_code
from node.core.enrolment.derived import code_hash
from node.core.paths import DataPaths
from node.quic.tls.keys import load_or_create_node_key
from tests.support import warm
from tests.support.appliance import environment
from tests.support.migrated import migrated
from tests.support.node_process import ROOT

INSERT = """
    INSERT INTO invites (id, code_hash, note, peer_id, scopes, resources, uses, uses_left, expires_at, needs_approval)
    VALUES ('one', ?, '', '', '["call:echo"]', '{}', 1, 1, ?, 0)"""


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return migrated(tmp_path / "data")


def invitation(data: Path, port: int) -> InviteCode:
    """An invitation of one use that admits at once, in a database that every run begins with."""
    paths = DataPaths(data)
    code = new_code(f"127.0.0.1:{port}", load_or_create_node_key(paths.node_key).fingerprint)
    with closing(sqlite3.connect(paths.database)) as file:
        file.execute("PRAGMA journal_mode = DELETE")
        file.execute(INSERT, [code_hash(code.secret), time.time() + 3600])
        file.commit()
    shutil.copy(paths.database, data / "before.db")
    return code


def runs(data: Path, tmp_path: Path, victim: str, every: int) -> list[dict[str, Any]]:
    port = free_port()
    code = invitation(data, port)
    command = [warm.python(), "-m", "tests.support.killed_enrolling", victim, str(port), code.text(), str(every)]
    variables = {"DJANGO_SETTINGS_MODULE": "alknet_site.settings", "XDG_CONFIG_HOME": str(tmp_path / "home")}
    env = environment(ALKNET_DATA=str(data), **variables)
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(found: list[dict[str, Any]], least: int) -> None:
    for run in found:
        assert run["between"] in (None, [0, 1, 0, 0], [1, 0, 1, 1]), f"half-admitted: {run}"
        assert run["after"] == [1, 0, 1, 1], f"used twice, or not at all: {run}"
        assert (run["first"], run["second"]) == ("admitted", "refused"), run
    assert [run["killed"] for run in found] == [True] * (len(found) - 1) + [False]
    assert len(found) > least, "there is something to be killed at"


@pytest.mark.parametrize("victim", ["node", "web"])
def test_at_some_steps(data: Path, tmp_path: Path, victim: str) -> None:
    check(runs(data, tmp_path, victim, every=17), 2)


@pytest.mark.soak
@pytest.mark.parametrize("victim", ["node", "web"])
def test_at_each_step(data: Path, tmp_path: Path, victim: str) -> None:
    check(runs(data, tmp_path, victim, every=1), 14)
