"""Each process survives the loss of the other, and nothing outlives the supervisor."""

import contextlib
import json
import os
import signal
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from node.cli.supervisor.supervisor import STOP_GRACE
from node.quic.accelerated import running
from tests.e2e.conftest import LiveClient
from tests.support.appliance import Appliance, alknet, running_appliance
from tests.support.migrated import migrated
from tests.support.waiting import until


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    with running_appliance(migrated(tmp_path_factory.mktemp("lasting") / "data"), python=sys.executable) as running:
        yield running


@pytest.fixture
def appliance(lasting: Appliance) -> Appliance:
    """The same for the whole module: it survives what is done to it, and is as ready afterwards as before."""
    lasting.ready = lasting.wait_ready()
    return lasting


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Appliance]:
    """One that this test alone has."""
    with running_appliance(migrated(tmp_path / "data"), python=sys.executable) as running:
        yield running


def runs(pid: int) -> bool:
    """Whether the process exists; one that was ended and not yet waited for does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def restarted(appliance: Appliance, which: str) -> dict[str, Any]:
    """The ready file once it names another process than before."""
    before = appliance.ready[which]

    def fresh() -> dict[str, Any] | None:
        try:
            facts: dict[str, Any] = json.loads(appliance.ready_file.read_text())
        except FileNotFoundError:
            return None
        return facts if facts[which] != before else None

    facts: dict[str, Any] = until(fresh, f"another {which}")
    return facts


def new_peer(appliance: Appliance, identity: Path, name: str) -> None:
    key = json.loads(alknet("id", "--identity", str(identity), "--json").stdout)["openssh"]
    appliance.run("peer", "add", name, "--key", key)


def panel_answers(appliance: Appliance) -> bool:
    with urllib.request.urlopen(appliance.ready["panel_url"] + "/healthz", timeout=60) as answer:
        return bool(answer.status == 200)


def test_the_node_tells_which_engine_it_runs_and_it_is_the_one_under_test(appliance: Appliance) -> None:
    assert f'"engine": "{running()}"' in appliance.log()


def test_the_node_serves_on_while_the_web_process_dies(
    appliance: Appliance, connect: Callable[[Path], LiveClient], tmp_path: Path
) -> None:
    new_peer(appliance, tmp_path / "ann", "ann")
    client = connect(tmp_path / "ann")
    os.kill(appliance.ready["web_pid"], signal.SIGKILL)
    until(lambda: not runs(appliance.ready["web_pid"]), "the end of the web process")
    assert connect(tmp_path / "ann").identity == client.identity == {"id": "ann", "scopes": [], "resources": {}}
    facts = restarted(appliance, "web_pid")
    assert facts["node_pid"] == appliance.ready["node_pid"]
    assert facts["panel_url"] == appliance.ready["panel_url"]
    assert panel_answers(appliance)
    assert client.process.poll() is None
    appliance.run("peer", "disable", "ann")
    assert client.next_line()["reason"] == "revoked: peer disabled"


def test_the_panel_edits_on_while_the_node_dies_and_the_node_converges(
    appliance: Appliance, connect: Callable[[Path], LiveClient], tmp_path: Path
) -> None:
    new_peer(appliance, tmp_path / "eve", "eve")
    os.kill(appliance.ready["node_pid"], signal.SIGKILL)
    appliance.run("peer", "disable", "eve")
    new_peer(appliance, tmp_path / "bob", "bob")
    assert panel_answers(appliance)
    facts = restarted(appliance, "node_pid")
    assert facts["web_pid"] == appliance.ready["web_pid"]
    for name in ("node_address", "node_fingerprint"):
        assert facts[name] == appliance.ready[name]
    assert connect(tmp_path / "eve").identity is None
    assert connect(tmp_path / "bob").identity == {"id": "bob", "scopes": [], "resources": {}}


def test_a_stop_tells_the_clients_and_ends_in_seconds(mortal: Appliance, tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        client = LiveClient(mortal, tmp_path / "ann")
        stack.callback(client.stop)
        began = time.monotonic()
        assert mortal.stop() == 0
        assert time.monotonic() - began < STOP_GRACE + 15  # for a machine that has much else to do
        end = client.next_line()
    assert (end["code"], end["reason"]) == (0, "shutdown")
    assert not mortal.ready_file.exists()
    assert not any(runs(mortal.ready[name]) for name in ("web_pid", "node_pid"))


def test_nothing_outlives_a_killed_supervisor(mortal: Appliance) -> None:
    mortal.process.kill()
    for name in ("web_pid", "node_pid"):
        until(lambda name=name: not runs(mortal.ready[name]), f"the end of {name}")


def test_what_another_user_must_not_read_is_private(appliance: Appliance) -> None:
    for path in [appliance.ready_file, appliance.data / "alknet.db", *(appliance.data / "secrets").iterdir()]:
        assert path.stat().st_mode & 0o077 == 0, path
