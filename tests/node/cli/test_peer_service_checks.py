"""`alknet doctor` on what peers may do on this machine."""

import os
import pwd
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from node.cli.peer_service_checks import files, ssh
from node.core.finding import Level
from node.settings import Settings, load_settings
from tests.support.control import control_thread

ME = pwd.getpwuid(os.geteuid()).pw_name
ON = {"ssh.enabled": True, "ssh.user": ME}


def settings(data: Path, **values: Any) -> Settings:
    return load_settings(data=data, overrides=values).settings


def with_rules(data: Path, count: int) -> None:
    with closing(sqlite3.connect(data / "alknet.db", isolation_level=None)) as database:
        database.execute("CREATE TABLE forwarding_rules (id TEXT)")
        database.executemany("INSERT INTO forwarding_rules VALUES (?)", [(str(number),) for number in range(count)])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "off (ssh.enabled)"),
        (ON, "there are no programs (ssh.programs) and no shell (ssh.shell); rules of forwarding are not known"),
        ({**ON, "ssh.programs": ["/bin/cat"], "ssh.shell": "/bin/sh"}, "peers may run cat, and have a shell"),
    ],
)
def test_what_peers_may_run_is_told(tmp_path: Path, values: dict[str, Any], words: str) -> None:
    found = ssh(settings(tmp_path, **values))
    assert (found.level, words in found.text) == (Level.FINE, True), found


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"ssh.programs": ["/none/x"]}, "/none/x cannot be run"),
        ({"ssh.shell": "/none/sh"}, "/none/sh cannot be run"),
        ({"ssh.directory": "/none"}, "ssh.directory: /none is not a directory"),
        ({"ssh.programs": ["/bin/cat"], "ssh.user": "nobody-such"}, "nothing can be run: there is no local user"),
    ],
)
def test_what_cannot_be_run_is_told(tmp_path: Path, values: dict[str, Any], words: str) -> None:
    found = ssh(settings(tmp_path, **{**ON, **values}))
    assert (found.level, words in found.text) == (Level.WARNING, True), found


def test_a_node_that_is_root_needs_a_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    found = ssh(settings(tmp_path, **{"ssh.enabled": True, "ssh.programs": ["/bin/cat"]}))
    assert (found.level, "ssh.user" in found.text) == (Level.WARNING, True)


@pytest.mark.parametrize(("count", "words"), [(0, "nothing is forwarded: alknet forwarding add"), (1, "; 1 rule of f")])
def test_whether_anything_is_forwarded_is_told(tmp_path: Path, count: int, words: str) -> None:
    with_rules(tmp_path, count)
    assert words in ssh(settings(tmp_path, **ON)).text


@pytest.mark.parametrize(("counts", "served"), [({"quic.connections": 0}, False), ({"ssh.connections": 0}, True)])
def test_a_node_that_has_not_been_restarted_is_told(tmp_path: Path, counts: dict[str, int], served: bool) -> None:
    asked = settings(tmp_path, **ON)
    asked.paths.run.mkdir()
    with control_thread(asked.paths.control_socket) as told:
        told.facts = {"metrics": counts}
        assert ("it takes a restart" in ssh(asked).text) is not served


def test_a_proxy_that_does_not_answer_is_told(tmp_path: Path) -> None:
    with_rules(tmp_path, 1)
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        given = {**ON, "forwarding.proxy": f"http://127.0.0.1:{proxy.getsockname()[1]}"}
        assert ssh(settings(tmp_path, **given)).level is Level.FINE
    assert "nothing answers at 127.0.0.1:" in ssh(settings(tmp_path, **given)).text


def test_buckets_are_looked_at(tmp_path: Path) -> None:
    good, data = tmp_path / "good", tmp_path / "data"
    good.mkdir()
    data.mkdir()
    assert files(settings(data)).text == "no bucket (sftp.buckets)"

    def found(directory: Path) -> tuple[Level, str]:
        finding = files(settings(data, **{"sftp.buckets": {"a": {"directory": str(directory)}}}))
        return finding.level, finding.text

    assert found(good) == (Level.FINE, "buckets: a")
    assert found(tmp_path / "none") == (Level.WARNING, f"the bucket a: {tmp_path}/none is not a directory")
    assert "has the node's own data in it" in found(tmp_path)[1]
