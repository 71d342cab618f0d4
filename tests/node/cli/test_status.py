"""`alknet status`, `connections` and `disconnect` as processes, against a real node and without one."""

import asyncio
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node.cli import connections
from node.cli.local_node import told
from node.control.client import ControlError, ControlRefused, NodeUnreachable
from tests.support.appliance import alknet, environment, warm_alknet
from tests.support.control import control_thread
from tests.support.custody import IDENTITY, made
from tests.support.node_process import SECONDS, peer_table, running

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """One command against the data directory of the test."""

    def run(*arguments: str) -> tuple[int, str, str]:
        done = alknet(*arguments, env=environment(ALKNET_DATA=str(tmp_path / "data")))
        return done.returncode, done.stdout, done.stderr

    return run


def with_node(tmp_path: Path, work: Callable[[Any], Any], *, connected: bool = True) -> None:
    """Run `work` while a node serves and "ann" is connected to it."""
    (tmp_path / "peers.toml").write_text(peer_table(tmp_path / "ann", "ann"))

    async def serve() -> None:
        async with running(tmp_path / "data", ALKNET_NODE__PEERS_FILE=str(tmp_path / "peers.toml")) as node:
            if not connected:
                await asyncio.to_thread(work, None)
                return
            async with node.connect(tmp_path / "ann") as client:
                await client.call("node/whoami")
                await asyncio.to_thread(work, client)

    asyncio.run(serve())


@pytest.mark.parametrize("command", [["status"], ["status", "--json"], ["connections"], ["disconnect", "--all"]])
def test_without_a_node_each_says_so_and_ends_with_1(run: Run, command: list[str]) -> None:
    assert run(*command) == (1, "", "alknet: the node does not run: alknet up starts it\n")


def test_a_node_says_how_it_is(run: Run, tmp_path: Path) -> None:
    made(tmp_path / "data")

    def look(_: object) -> None:
        status, out, err = run("status")
        assert (status, err) == (0, "")
        lines = dict(line.split(None, 1) for line in out.partition("\n\n")[0].splitlines())
        assert (lines["serving"], lines["fingerprint"], lines["connections"]) == ("yes", IDENTITY, "1")
        assert lines["vault"] == "unlocked; the node's key is derived"
        status, out, _ = run("status", "--json")
        assert json.loads(out)["node"]["fingerprint"] == IDENTITY

    with_node(tmp_path, look)


def test_who_is_connected_is_listed_and_can_be_closed(run: Run, tmp_path: Path) -> None:
    def look(_: object) -> None:
        status, out, _ = run("connections")
        header, row = out.splitlines()
        assert (status, header.split()[:4]) == (0, ["ID", "PEER", "PROTOCOL", "ADDRESS"])
        number, peer, protocol, address = row.split()[:4]
        assert (peer, protocol, address.partition(":")[0]) == ("ann", "alknet/call", "127.0.0.1")
        [live] = json.loads(run("connections", "--json")[1])["connections"]
        assert live["id"] == int(number)
        assert run("disconnect", "--peer", "bob") == (1, "", "No such connection.\n")
        assert run("disconnect", number, "--reason", "late") == (0, "Closed 1 connection.\n", "")
        assert json.loads(run("disconnect", number, "--json")[1]) == {"closed": 0}
        assert run("connections") == (0, "Nobody is connected.\n", "")
        assert run("disconnect", "--all") == (1, "", "Nobody is connected.\n")

    with_node(tmp_path, look)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "give one of ID, --peer NAME and --all"),
        (["1", "--all"], "give one of ID, --peer NAME and --all"),
        (["--peer", "ann", "--all"], "give one of ID, --peer NAME and --all"),
        (["nobody"], "Invalid value for 'ID'"),
        (["0"], "Invalid value for 'ID'"),
        (["--all", "--reason", "x" * 201], "--reason: longer than 200 characters"),
    ],
)
def test_what_is_not_clear_closes_nobody(run: Run, arguments: list[str], expected: str) -> None:
    status, _, err = run("disconnect", *arguments)
    assert (status, expected in err) == (2, True), err


def test_watching_shows_each_change(tmp_path: Path) -> None:
    path = tmp_path / "data" / "run" / "node.sock"
    live = {"peer": None, "alpn": "alknet/call", "remote_address": None, "since": 0.0}
    with control_thread(path) as told_node:
        told_node.live = []
        command = [*warm_alknet(), "connections", "--watch"]
        env = environment(ALKNET_DATA=str(tmp_path / "data"), PYTHONUNBUFFERED="1")
        with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as watching:
            assert watching.stdout is not None
            assert watching.stdout.readline() == "Nobody is connected.\n"
            told_node.live = [{"id": 7, **live}]
            assert watching.stdout.readline().startswith("ID")
            assert watching.stdout.readline().split()[:2] == ["7", "(stranger)"]
            told_node.live = []
            assert watching.stdout.readline() == "Nobody is connected.\n"
            watching.terminate()
            watching.wait(SECONDS)


def test_many_connections_come_page_by_page(tmp_path: Path) -> None:
    from node.control.client import ControlClient

    with control_thread(tmp_path / "node.sock") as told_node, ControlClient(tmp_path / "node.sock") as client:
        told_node.live = [{"id": number} for number in range(1, 2001)]
        assert [one["id"] for one in connections.live_connections(client)] == list(range(1, 2001))


def test_text_of_peers_cannot_steer_the_terminal(tmp_path: Path, run: Run) -> None:
    live = {"id": 1, "peer": "\x1b[2J", "alpn": "a\nb", "remote_address": "x", "since": 1.0}
    with control_thread(tmp_path / "data" / "run" / "node.sock") as told_node:
        told_node.live = [live]
        out = run("connections")[1]
    assert "\x1b" not in out
    assert len(out.splitlines()) == 2


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ControlRefused("INTERNAL", "internal error"), "the node refuses: internal error"),
        (NodeUnreachable("it is not there"), "it is not there"),
        (ControlError("odd"), "the node cannot be asked: odd"),
    ],
)
def test_errors_are_told_as_people_read_them(error: ControlError, text: str) -> None:
    assert told(error) == text
