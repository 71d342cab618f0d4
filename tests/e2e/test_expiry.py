"""Ends of peers and keys over real processes: a node, the commands of a person, and clients that are cut."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from node.core.connection import CLOSE_REVOKED
from tests.support.appliance import alknet, environment
from tests.support.eventually import within
from tests.support.node_process import NodeProcess, running


class Box:
    """A data directory with the peer “ann”, and the commands that are given there."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.old, self.new = data.parent / "old", data.parent / "new"
        self.run("peer", "add", "ann", "--key", self.key(self.old))

    def key(self, identity: Path) -> str:
        return str(json.loads(alknet("id", "--identity", str(identity), "--json").stdout)["openssh"])

    def run(self, *arguments: str) -> str:
        done = alknet(*arguments, env=environment(ALKNET_DATA=str(self.data)))
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path / "data")


async def name_of(node: NodeProcess, identity: Path) -> str | None:
    async with node.connect(identity) as client:
        found: dict[str, Any] | None = (await client.call("node/whoami"))["identity"]
    return found and found["id"]


async def test_an_old_key_is_cut_when_its_overlap_is_over_and_a_peer_at_its_end(box: Box) -> None:
    async with running(box.data) as node, node.connect(box.old) as old:
        assert (await old.call("node/whoami"))["identity"]["id"] == "ann"
        keys = ("--old", box.key(box.old), "--new", box.key(box.new), "--overlap", "3s")
        state = json.loads(box.run("peer", "rotate", "ann", *keys, "--json"))
        end = await within(old.connection.wait_closed())
        assert (end.code, end.reason) == (CLOSE_REVOKED, "expired: key")
        assert time.time() >= max(state["key_expires_at"].values())
        assert await name_of(node, box.old) is None
        async with node.connect(box.new) as new:
            assert (await new.call("node/whoami"))["identity"]["id"] == "ann"
            box.run("peer", "expire", "ann", "--for", "1s")
            end = await within(new.connection.wait_closed())
            assert (end.code, end.reason) == (CLOSE_REVOKED, "expired: peer")
        box.run("peer", "rename", "ann", "anna")
        assert await name_of(node, box.new) is None
        box.run("peer", "expire", "anna", "--never")
        async with asyncio.timeout(60):
            while await name_of(node, box.new) != "anna":
                await asyncio.sleep(0.05)
        assert await name_of(node, box.old) is None


async def test_what_ended_while_the_node_was_down_is_nobody_from_its_start(box: Box) -> None:
    state = json.loads(box.run("peer", "expire", "ann", "--for", "1s", "--json"))
    await asyncio.sleep(max(0.0, state["expires_at"] - time.time()))
    for _ in range(2):
        async with running(box.data) as node:
            assert await name_of(node, box.old) is None
