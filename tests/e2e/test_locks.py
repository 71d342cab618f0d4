"""Locks over real processes: a node, the commands that a person would type, and clients that are told why."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from node.core.connection import CLOSE_LOCKED
from node.core.errors import ConnectionClosed
from node.handlers.call.errors import CallError
from tests.support.appliance import alknet, environment
from tests.support.eventually import within
from tests.support.node_process import NodeProcess, running


class Box:
    """A data directory with the peer “ann”, and the commands that are given there."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.identity, self.stranger = data.parent / "ann", data.parent / "stranger"
        key = json.loads(alknet("id", "--identity", str(self.identity), "--json").stdout)["openssh"]
        self.run("peer", "add", "ann", "--key", key, "--scope", "a", "--scope", "b")

    def run(self, *arguments: str) -> str:
        done = alknet(*arguments, env=environment(ALKNET_DATA=str(self.data)))
        assert done.returncode == 0, done.stderr
        return done.stdout

    def lock(self, *arguments: str) -> dict[str, Any]:
        placed: dict[str, Any] = json.loads(self.run("lock", *arguments, "--json"))
        return placed


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Box:
    return Box(tmp_path_factory.mktemp("locks") / "data")


@pytest.fixture
async def node(box: Box) -> AsyncIterator[NodeProcess]:
    async with running(box.data) as node:
        yield node
    for lock in json.loads(box.run("locks", "--json")):
        box.run("unlock", lock["id"])


async def refusal(node: NodeProcess, identity: Path) -> str:
    """What a fresh connection is told; it is refused after its handshake."""
    try:
        async with node.connect(identity) as client:
            end = await within(client.connection.wait_closed())
    except ConnectionClosed as closed:
        end = closed
    assert end.code == CLOSE_LOCKED, end
    return end.reason


async def identity_of(node: NodeProcess, identity: Path) -> Any:
    async with node.connect(identity) as client:
        return (await client.call("node/whoami"))["identity"]


async def free_again(node: NodeProcess, identity: Path) -> Any:
    """Who that is, once nothing holds it any more."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await identity_of(node, identity)
            except (ConnectionClosed, CallError):
                await asyncio.sleep(0.05)


async def test_a_locked_peer_is_closed_with_the_message_and_others_go_on(box: Box, node: NodeProcess) -> None:
    async with node.connect(box.identity) as client, node.connect(box.stranger) as stranger:
        assert (await client.call("node/whoami"))["identity"]["id"] == "ann"
        lock = box.lock("peer", "ann", "--message", "call the desk", "--reason", "a secret of administrators")
        end = await within(client.connection.wait_closed())
        assert (end.code, end.reason) == (CLOSE_LOCKED, "locked: call the desk")
        assert (await stranger.call("node/whoami"))["identity"] is None
    assert await refusal(node, box.identity) == "locked: call the desk"
    call = ("call", node.facts["address"], "--pin", node.facts["fingerprint"], "--identity", str(box.identity))
    ran = alknet(*call, "node/whoami")
    assert (ran.returncode != 0, "locked: call the desk" in ran.stderr) == (True, True), ran.stderr

    [facts] = [json.loads(line) for line in node.text().splitlines() if '"message": "locked"' in line]
    assert (facts["what"], facts["connections"], facts["reason"]) == ("peer ann", 1, "locked: call the desk")
    assert 0 <= facts["commit_to_close_ms"] < 5000
    assert "a secret of administrators" not in node.text(), "the node does not even read it"
    box.run("unlock", lock["id"])
    assert (await free_again(node, box.identity))["id"] == "ann"


async def test_a_lock_outlives_restarts_and_ends_by_itself_whether_or_not_the_node_runs(box: Box) -> None:
    """Nothing here waits for the node to be quick: only what is told after an end is looked at."""
    long = box.lock("peer", "ann", "--for", "1h")
    async with running(box.data) as node:
        assert await refusal(node, box.identity) == "locked"
    async with running(box.data) as node:
        assert await refusal(node, box.identity) == "locked"
        box.run("unlock", long["id"])
        short = box.lock("peer", "ann", "--for", "1s")
        assert (await free_again(node, box.identity))["id"] == "ann"
        assert time.time() >= short["expires_at"]
    later = box.lock("peer", "ann", "--for", "1s")
    await asyncio.sleep(max(0.0, later["expires_at"] - time.time()))
    async with running(box.data) as node:
        assert (await identity_of(node, box.identity))["id"] == "ann", "it ended while nobody was there"
    assert {found["holds"] for found in json.loads(box.run("locks", "--json"))} == {False}
    assert box.run("unlock", "--ended") == "Removed 2 locks.\n"


async def test_everything_is_locked_for_everybody_but_whoever_sits_at_the_machine(box: Box, node: NodeProcess) -> None:
    async with node.connect(box.identity) as client, node.connect(box.stranger) as stranger:
        await client.call("node/whoami")
        await stranger.call("node/whoami")
        lock = box.lock("everything", "--yes", "--message", "maintenance until noon")
        for one in (client, stranger):
            end = await within(one.connection.wait_closed())
            assert (end.code, end.reason) == (CLOSE_LOCKED, "locked: maintenance until noon")
    for identity in (box.identity, box.stranger):
        assert await refusal(node, identity) == "locked: maintenance until noon"
    status = json.loads(box.run("status", "--json"))
    assert any("everything is locked" in line for line in status["waiting"])
    assert (status["metrics"]["locks.stored"], status["metrics"]["locks.held"]) == (1, 1)
    box.run("unlock", lock["id"][:8])
    assert (await free_again(node, box.identity))["id"] == "ann"


async def test_a_locked_scope_is_gone_from_a_connection_that_goes_on(box: Box, node: NodeProcess) -> None:
    async with node.connect(box.identity) as client:
        assert (await client.call("node/whoami"))["identity"]["scopes"] == ["a", "b"]
        lock = box.lock("scope", "a")
        await node.says('"what": "scope a"')
        assert (await client.call("node/whoami"))["identity"]["scopes"] == ["b"]
        box.run("unlock", lock["id"])
        await node.says('"message": "unlocked"')
        assert (await client.call("node/whoami"))["identity"]["scopes"] == ["a", "b"]


async def test_a_locked_protocol_serves_nobody(box: Box, node: NodeProcess) -> None:
    async with node.connect(box.stranger) as stranger:
        await stranger.call("node/whoami")
        box.lock("alpn", "alknet/call", "--message", "no calls today")
        end = await within(stranger.connection.wait_closed())
    assert (end.code, end.reason) == (CLOSE_LOCKED, "locked: no calls today")
    assert await refusal(node, box.identity) == "locked: no calls today"
