"""`alknet journal` as a process, over the file of a real node that runs, is stopped and is killed."""

import asyncio
import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from node.cli.journal_text import line
from node.core.journal import EventKind
from node.journal.schema import Record
from tests.support import warm
from tests.support.appliance import alknet, environment, warm_alknet
from tests.support.node_process import NodeProcess, peer_table, running

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "peers.toml").write_text(peer_table(tmp_path / "ann", "ann"))
    return tmp_path / "data"


@pytest.fixture
def run(data: Path) -> Run:
    def run(*arguments: str) -> tuple[int, str, str]:
        done = alknet("journal", *arguments, env=environment(ALKNET_DATA=str(data)))
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture
def follower(data: Path) -> Iterator[subprocess.Popen[str]]:
    command = [*warm_alknet(), "journal", "--follow", "--json", "--limit", "1"]
    with subprocess.Popen(
        command, env=environment(ALKNET_DATA=str(data)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        yield process
        warm.kill(process)


def events(out: str) -> list[dict[str, Any]]:
    return [json.loads(text) for text in out.splitlines()]


def node(data: Path) -> Any:
    return running(data, ALKNET_NODE__PEERS_FILE=str(data.parent / "peers.toml"))


async def visit(node: NodeProcess, data: Path) -> None:
    async with node.connect(data.parent / "ann") as client:
        await client.call("node/whoami")


async def begun(run: Run, count: int) -> list[dict[str, Any]]:
    """The journal, once it has so many ends of connections."""
    while True:
        found = events((await asyncio.to_thread(run, "--json", "--limit", "100"))[1])
        if sum(event["kind"] == "closed" for event in found) >= count:
            return found


def test_without_a_journal_it_says_so(run: Run, data: Path) -> None:
    assert run() == (1, "", f"alknet: no journal at {data / 'node.db'}; the node makes it when it starts\n")


def test_the_life_of_a_node_can_be_read_while_it_runs_and_afterwards(run: Run, data: Path) -> None:
    async def live() -> list[dict[str, Any]]:
        async with node(data) as running_node:
            await visit(running_node, data)
            found = await begun(run, 1)
            running_node.process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(running_node.process.wait)
            return found

    started, connected, closed = asyncio.run(live())
    assert [started["kind"], connected["kind"], closed["kind"]] == ["started", "connected", "closed"]
    assert connected["connection"] == closed["connection"]
    for event in (connected, closed):
        assert (event["peer_id"], event["alpn"]) == ("ann", "alknet/call")
        assert event["address"].startswith("127.0.0.1:")
        assert event["boot"] == started["boot"]
    assert closed["detail"]["bytes_received"] > 0
    assert closed["detail"]["bytes_sent"] > 0
    status, out, _ = run("--kind", "stopped", "--kind", "started")
    assert (status, [text.split()[2] for text in out.splitlines()]) == (0, ["started", "stopped"])
    assert [event["kind"] for event in events(run("--peer", "ann", "--json", "-n", "1")[1])] == ["closed"]
    assert len(events(run("--connection", str(connected["connection"]), "--json")[1])) == 2
    assert run("--peer", "nobody") == (0, "", "")
    assert run("--kind", "nonsense")[0] == 2


def test_a_killed_node_has_journalled_who_was_connected_and_its_next_life_is_another(run: Run, data: Path) -> None:
    async def one_life() -> None:
        async with node(data) as running_node, running_node.connect(data.parent / "ann") as client:
            await client.call("node/whoami")
            await asyncio.sleep(0.2)
            warm.kill(running_node.process)
            await asyncio.to_thread(running_node.process.wait)  # before the client says that it goes

    for _ in range(2):
        asyncio.run(one_life())
    found = events(run("--json")[1])
    assert [event["kind"] for event in found] == ["started", "connected"] * 2
    assert found[0]["boot"] == found[1]["boot"] != found[2]["boot"] == found[3]["boot"]


def test_following_shows_events_as_they_come(data: Path, request: pytest.FixtureRequest) -> None:
    async def follow() -> list[dict[str, Any]]:
        async with node(data) as running_node:
            follower = request.getfixturevalue("follower")
            seen = events(await asyncio.to_thread(follower.stdout.readline))
            await visit(running_node, data)
            for _ in range(2):
                seen += events(await asyncio.to_thread(follower.stdout.readline))
            follower.send_signal(signal.SIGINT)
            await asyncio.to_thread(follower.wait)
            assert follower.returncode == 130
            return seen

    seen = asyncio.run(follow())
    assert [event["kind"] for event in seen] == ["started", "connected", "closed"]


@pytest.mark.parametrize("kind", [*EventKind, "unheard-of"])
@pytest.mark.parametrize("detail", [{}, {"seconds": 1, "bytes_received": "x", "count": None, "closed": []}])
def test_every_event_has_one_line_whatever_its_detail_holds(kind: str, detail: dict[str, Any]) -> None:
    record = Record(1, 1e300, "b", kind, 3, "ann\x1b", None, None, None, "why\n", detail)
    assert line(record).isprintable()
    assert kind in line(record)
    assert "ann" in line(record)


def test_once_is_not_told_as_a_number_of_times() -> None:
    told = [line(Record(1, 0, "b", "refused", None, None, None, None, None, "x", {"count": n})) for n in (1, 2)]
    assert (told[0].endswith("x, once"), told[1].endswith("x, 2 times")) == (True, True)
