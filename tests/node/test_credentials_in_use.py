"""A whole appliance without its panel: what Django writes is what an operation of the running node uses at once."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from node.client.call import CallClient
from node.control.client import ControlClient
from node.core.paths import DataPaths
from node.quic.tls.keys import load_or_create_node_key
from tests.support.appliance import alknet, environment
from tests.support.custody import write_passphrase
from tests.support.digesting_node import DIGEST, digest_of
from tests.support.migrated import migrated
from tests.support.node_process import SECONDS, NodeProcess

CANARY = "sk-canary-5c0f27a9e1"
NAMED = '[capabilities]\n"alknet/call" = ["openai", "github"]\n'


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory with a database; Django made it."""
    return migrated(tmp_path / "data")


@contextlib.asynccontextmanager
async def digesting(data: Path) -> AsyncIterator[NodeProcess]:
    node = NodeProcess(data, module="tests.support.digesting_node")
    try:
        yield await node.serving()
    finally:
        node.end()


def run(data: Path, *arguments: str, given: str = "") -> str:
    """One command of a person at this data directory."""
    done = alknet(*arguments, env=environment(ALKNET_DATA=str(data)), given=given)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def ask(client: CallClient, provider: str = "openai") -> Any:
    return await client.call(DIGEST, {"provider": provider})


async def becomes(client: CallClient, expected: str | None, provider: str = "openai") -> None:
    """Ask on the one connection until the answer is this."""
    async with asyncio.timeout(SECONDS):
        while await ask(client, provider) != expected:
            await asyncio.sleep(0.005)


async def test_a_running_operation_follows_every_change_of_its_credential(data: Path, tmp_path: Path) -> None:
    (data / "alknet.toml").write_text(NAMED)
    async with digesting(data) as node, node.connect(tmp_path / "ann") as client:

        async def do(*arguments: str, given: str = "") -> str:
            return await asyncio.to_thread(run, data, *arguments, given=given)

        assert await ask(client) is None
        await do("credential", "set", "openai", given=CANARY + "-1")
        await becomes(client, digest_of(CANARY + "-1"))
        await do("credential", "set", "gitlab", given=CANARY + "-unnamed")
        await do("credential", "set", "github", given=CANARY + "-other")
        await becomes(client, digest_of(CANARY + "-other"), "github")
        assert await ask(client, "gitlab") is None

        await do("credential", "rotate", "--all")
        listed = json.loads(await do("credential", "list", "--json"))
        assert {entry["key_version"] for entry in listed} == {3}
        assert await ask(client) == digest_of(CANARY + "-1")
        await do("credential", "set", "openai", given=CANARY + "-2")
        await becomes(client, digest_of(CANARY + "-2"))

        await do("vault", "lock")
        await becomes(client, None)
        await do("vault", "unlock")
        await becomes(client, digest_of(CANARY + "-2"))

        lock = json.loads(await do("lock", "credential", "openai", "--json"))
        await becomes(client, None)
        assert await ask(client, "github") == digest_of(CANARY + "-other")
        assert "it is locked" in await do("status")
        await do("unlock", lock["id"])
        await becomes(client, digest_of(CANARY + "-2"))

        await do("credential", "remove", "openai")
        await becomes(client, None)
        assert await ask(client, "github") == digest_of(CANARY + "-other")
        (data / "alknet.toml").write_text(NAMED.replace(', "github"', ""))
        await becomes(client, None, "github")
        assert "cannot be opened" not in node.text()
    shown = [path for path in data.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]
    assert shown == [], "neither the database, nor its journal, nor the node's log has a word of it"


async def test_an_operation_of_a_protocol_that_is_not_named_has_nothing(data: Path, tmp_path: Path) -> None:
    async with digesting(data) as node, node.connect(tmp_path / "ann") as client:
        await asyncio.to_thread(run, data, "credential", "set", "openai", given=CANARY)
        assert await ask(client) is None
        (data / "alknet.toml").write_text(NAMED)
        await becomes(client, digest_of(CANARY))
        assert CANARY not in node.text()


async def test_a_serving_node_with_a_made_up_key_is_unlocked_and_locked_under_its_live_connections(
    data: Path, tmp_path: Path
) -> None:
    made_up = load_or_create_node_key(DataPaths(data).node_key).fingerprint
    by_passphrase = ("--passphrase-file", str(write_passphrase(tmp_path)))
    run(data, "vault", "init", *by_passphrase)
    (data / "alknet.toml").write_text(NAMED)
    async with digesting(data) as node, node.connect(tmp_path / "ann") as client:
        assert (node.facts["fingerprint"], node.facts["serving"], node.facts["vault"]) == (made_up, True, "locked")

        async def do(*arguments: str, given: str = "") -> None:
            await asyncio.to_thread(run, data, *arguments, given=given)

        assert await ask(client) is None
        await do("vault", "unlock", *by_passphrase)
        await do("credential", "set", "openai", given=CANARY)
        for _ in range(2):
            await becomes(client, digest_of(CANARY))
            await do("vault", "lock")
            await becomes(client, None)
            await do("vault", "unlock", *by_passphrase)
        await becomes(client, digest_of(CANARY))
        status = await asyncio.to_thread(_status, data)
        assert (status["connections"], status["vault"]) == (1, {"state": "unlocked", "identity": "made-up"})
        assert (status["node"]["fingerprint"], node.process.poll()) == (made_up, None)
    assert CANARY not in (data / "node.log").read_text()


async def test_what_handlers_go_without_is_in_the_status(data: Path) -> None:
    (data / "alknet.toml").write_text(NAMED)
    async with digesting(data) as node:
        await asyncio.to_thread(run, data, "credential", "set", "github", given=CANARY)
        await node.says("the credentials of a protocol changed")
        status = await asyncio.to_thread(_status, data)
        assert status["waiting"] == ["alknet/call goes without the credential “openai”: none is stored"]
        assert {name: count for name, count in status["metrics"].items() if name.startswith("credentials.")} == {
            "credentials.stored": 1,
            "credentials.opened": 1,
            "credentials.cannot_be_opened": 0,
        }


def _status(data: Path) -> Any:
    with ControlClient(DataPaths(data).control_socket) as client:
        return client.call("node/status", {})
