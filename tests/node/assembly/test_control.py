"""The control socket of a real node: who answers there, what it can do, and that the network cannot."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from node.assembly.control import NO_PEERS, sealing
from node.assembly.handlers import call_operations
from node.client.call import CallClient
from node.control.client import ControlClient, ControlRefused
from node.core.connection import CLOSE_DISCONNECTED
from node.core.paths import DataPaths
from node.custody.door_client import ask_door
from node.handlers.call.errors import CallError
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import Operation, OperationRegistry, RegistrationError
from node.quic.tls.keys import load_or_create_node_key
from node.vault import EncryptedData, SecretString, VaultService
from tests.support import warm
from tests.support.appliance import alknet, environment
from tests.support.control import Told, registry_of
from tests.support.custody import IDENTITY, PASSPHRASE, WORDS, by_passphrase, contents, custody_at, made
from tests.support.eventually import eventually
from tests.support.node_process import ROOT, SECONDS, NodeProcess, running

CANARY = "canary-a51f-9d2e"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def peers(tmp_path: Path) -> dict[str, str]:
    """Ann and bob, who may do in the network whatever the administrator may here."""
    text = ""
    for name in ("ann", "bob"):
        key = load_or_create_node_key(tmp_path / name).fingerprint
        text += f'[[peers]]\npeer_id = "{name}"\nfingerprints = ["{key}"]\n'
        text += 'scopes = ["control:administer", "control:seal"]\n'
    (tmp_path / "peers.toml").write_text(text)
    return {"ALKNET_NODE__PEERS_FILE": str(tmp_path / "peers.toml")}


async def ask(data: Path, operation: str, value: Any = None) -> Any:
    def call() -> Any:
        with ControlClient(DataPaths(data).control_socket) as client:
            return client.call(operation, value)

    return await asyncio.to_thread(call)


async def is_refused(data: Path, operation: str, value: Any) -> str:
    with pytest.raises(ControlRefused) as caught:
        await ask(data, operation, value)
    return caught.value.code


@contextlib.asynccontextmanager
async def waiting(data: Path, **settings: str) -> AsyncIterator[NodeProcess]:
    """A node whose vault waits for its passphrase."""
    custody_at(data).make(contents(), by_passphrase(), shown=False)
    async with running(data, **settings) as node:
        yield node


def administrators_names() -> list[str]:
    told = Told()
    return [operation.name for operation in registry_of(told)]


def test_no_registry_has_or_takes_an_operation_of_the_vault() -> None:
    names = [operation.name for operation in call_operations(CallLimits())] + administrators_names()
    assert len(names) > 5
    assert not any(name.startswith("vault/") for name in names)
    with pytest.raises(RegistrationError, match="the vault has no operations"):
        OperationRegistry().register(Operation("vault/status", lambda *_: None))  # type: ignore[arg-type,return-value]


async def test_no_peer_reaches_an_operation_of_the_administrator(
    data: Path, peers: dict[str, str], tmp_path: Path
) -> None:
    async with running(data, **peers) as node, node.connect(tmp_path / "ann") as client:
        assert (await client.call("node/whoami"))["identity"]["scopes"] == ["control:administer", "control:seal"]
        listed = await client.call("services/list")
        assert not {one["name"] for one in listed["operations"]} & set(administrators_names())
        for name in administrators_names():
            with pytest.raises(CallError, match="NOT_FOUND"):
                await client.call(name, {"plaintext": "x", "all": True})
        arguments = ["call", node.facts["address"], "node/status", "--pin", node.facts["fingerprint"]]
        done = await asyncio.to_thread(alknet, *arguments, "--identity", str(tmp_path / "ann"))
        assert (done.returncode, "NOT_FOUND" in done.stderr) == (1, True)
        assert await is_refused(data, "node/whoami", None) == "NOT_FOUND"


async def test_a_node_that_serves_tells_its_names(data: Path, peers: dict[str, str], tmp_path: Path) -> None:
    made(data)
    async with running(data, **peers) as node, node.connect(tmp_path / "ann") as client:
        await client.call("node/whoami")
        status = await ask(data, "node/status")
        assert {name: status["node"][name] for name in ("address", "fingerprint", "certificate", "serving")} == {
            "address": node.facts["address"],
            "fingerprint": IDENTITY,
            "certificate": node.facts["certificate"],
            "serving": True,
        }
        assert (status["vault"], status["waiting"]) == ({"state": "unlocked", "identity": "derived"}, [])
        assert (status["connections"], status["metrics"]["endpoint.connections"]) == (1, 1)
        [live] = (await ask(data, "node/connections"))["connections"]
        assert (live["peer"], live["alpn"]) == ("ann", "alknet/call")
        assert live["since"] >= status["node"]["started_at"]
        assert live["remote_address"].startswith("127.0.0.1:")
        await client.call("node/whoami", "x" * 10_000)
        [later] = (await ask(data, "node/connections"))["connections"]
        assert 10_000 < later["bytes_received"] - live["bytes_received"] < 11_000
        assert 50 < later["bytes_sent"] - live["bytes_sent"] < 1_000
        named = await ask(data, "node/connections", {"ids": [live["id"], live["id"] + 1, live["id"]]})
        assert [one["id"] for one in named["connections"]] == [live["id"]]


async def test_a_locked_node_answers_and_seals_once_it_is_unlocked(data: Path, peers: dict[str, str]) -> None:
    async with waiting(data, **peers):
        status = await ask(data, "node/status")
        assert (status["node"]["serving"], status["node"]["address"]) == (False, None)
        assert (status["node"]["fingerprint"], status["vault"]["state"]) == (IDENTITY, "locked")
        assert [line.partition(":")[0] for line in status["waiting"]] == ["QUIC", "credentials"]
        assert (await ask(data, "node/connections"))["connections"] == []
        assert await ask(data, "node/disconnect", {"all": True}) == {"closed": 0}
        assert await is_refused(data, "credentials/seal", {"plaintext": CANARY}) == "VAULT_LOCKED"

        door = DataPaths(data).vault_door
        assert (await asyncio.to_thread(ask_door, door, "unlock", SecretString(PASSPHRASE))).ok
        blob = await ask(data, "credentials/seal", {"plaintext": CANARY})
        newer = await ask(data, "credentials/reseal", {"credential": blob, "key_version": 5})
        with VaultService() as vault:
            vault.unlock(WORDS)
            for sealed, version in ((blob, 2), (newer, 5)):
                assert sealed["key_version"] == version
                assert vault.decrypt(EncryptedData.from_json(sealed)) == CANARY

        assert (await asyncio.to_thread(ask_door, door, "lock")).ok
        assert await is_refused(data, "credentials/reseal", {"credential": blob, "key_version": 3}) == "VAULT_LOCKED"


async def test_a_serving_node_whose_vault_is_locked_again_goes_on_serving(data: Path, peers: dict[str, str]) -> None:
    made(data)
    async with running(data, **peers):
        assert (await asyncio.to_thread(ask_door, DataPaths(data).vault_door, "lock")).ok
        status = await ask(data, "node/status")
        assert (status["node"]["serving"], status["vault"]["state"]) == (True, "locked")
        assert [line.partition(":")[0] for line in status["waiting"]] == ["credentials"]


async def test_a_node_without_a_database_says_what_it_waits_for(data: Path) -> None:
    made(data)
    node = NodeProcess(data)
    try:
        await node.says("waiting for the database")
        status = await ask(data, "node/status")
        assert (status["node"]["serving"], status["waiting"]) == (False, [NO_PEERS])
    finally:
        node.end()


async def end_of(client: CallClient) -> tuple[int, str]:
    end = await asyncio.wait_for(client.connection.wait_closed(), SECONDS)
    return end.code, end.reason


async def test_who_is_disconnected_learns_why_and_may_come_back(
    data: Path, peers: dict[str, str], tmp_path: Path
) -> None:
    async with running(data, **peers) as node, contextlib.AsyncExitStack() as stack:
        ann, other, bob = [
            await stack.enter_async_context(node.connect(tmp_path / name)) for name in ("ann", "ann", "bob")
        ]
        for client in (ann, other, bob):
            await client.call("node/whoami")
        live = (await ask(data, "node/connections"))["connections"]
        assert [one["peer"] for one in live] == ["ann", "ann", "bob"]

        assert await ask(data, "node/disconnect", {"id": live[0]["id"], "reason": "maintenance"}) == {"closed": 1}
        assert await end_of(ann) == (CLOSE_DISCONNECTED, "maintenance")
        assert await ask(data, "node/disconnect", {"id": live[0]["id"]}) == {"closed": 0}
        assert await ask(data, "node/disconnect", {"peer": "nobody"}) == {"closed": 0}
        assert await ask(data, "node/disconnect", {"peer": "ann"}) == {"closed": 1}
        assert await end_of(other) == (CLOSE_DISCONNECTED, "disconnected by the administrator")
        assert (await bob.call("node/whoami"))["identity"]["id"] == "bob"
        async with node.connect(tmp_path / "ann") as again:
            assert (await again.call("node/whoami"))["identity"]["id"] == "ann"
            assert await ask(data, "node/disconnect", {"all": True}) == {"closed": 2}
            assert await end_of(again) == await end_of(bob)
        assert (await ask(data, "node/status"))["metrics"]["endpoint.disconnected"] == 4
        assert "disconnected on request" in node.text()


async def test_a_second_node_of_one_directory_does_not_start_and_the_first_goes_on(
    data: Path, peers: dict[str, str]
) -> None:
    async with running(data, **peers) as node:
        command = (sys.executable, "-m", "node.cli.main", "node", "--listen", "127.0.0.1:0")
        env = environment(ALKNET_DATA=str(data), **peers)
        done = await asyncio.to_thread(
            subprocess.run, command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS
        )
        assert (done.returncode, "a running process listens there already" in done.stderr) == (1, True)
        assert "Traceback" not in done.stderr
        assert (await ask(data, "node/status"))["node"]["address"] == node.facts["address"]


async def test_a_node_follows_one_that_was_killed_and_leaves_nothing_when_it_ends(
    data: Path, peers: dict[str, str]
) -> None:
    socket = DataPaths(data).control_socket
    async with running(data, **peers) as killed:
        warm.kill(killed.process)
        killed.process.wait()
        assert socket.is_socket()
    async with running(data, **peers) as node:
        assert (await ask(data, "node/status"))["node"]["serving"]
        node.process.terminate()
        assert await asyncio.to_thread(node.process.wait, SECONDS) == 0
        assert not socket.exists()


async def test_the_most_talkative_log_holds_no_secret(data: Path, peers: dict[str, str]) -> None:
    made(data)
    async with running(data, **peers, ALKNET_LOG__LEVEL="debug") as node:
        blob = await ask(data, "credentials/seal", {"plaintext": CANARY})
        assert await is_refused(data, "credentials/seal", {"plaintext": CANARY, "key_version": 1}) == "INVALID_INPUT"
        assert await is_refused(data, "credentials/seal", {"plaintext": CANARY * 9000}) == "INVALID_INPUT"
        broken = {"credential": {**blob, "data": CANARY}, "key_version": 3}
        assert await is_refused(data, "credentials/reseal", broken) == "SEALING_FAILED"
        await ask(data, "node/status")
        await asyncio.to_thread(ask_door, DataPaths(data).vault_door, "lock")
        assert await is_refused(data, "credentials/seal", {"plaintext": CANARY}) == "VAULT_LOCKED"
        await eventually(lambda: "the vault was locked" in node.text())
        assert CANARY not in node.text()


def test_what_the_vault_cannot_open_is_told_without_its_cause() -> None:
    with VaultService() as vault:
        assert _code(lambda: sealing(vault).seal("x", None)) == "VAULT_LOCKED"
        vault.unlock(WORDS)
        blob = sealing(vault).seal("x", None)
        assert blob["key_version"] == 2
        assert _code(lambda: sealing(vault).reseal({**blob, "iv": "AAAA"}, 3)) == "SEALING_FAILED"
        assert _code(lambda: sealing(vault).reseal(dict(blob, data=None), 3)) == "SEALING_FAILED"
        vault.lock()
        vault.unlock(WORDS, "another")
        assert _code(lambda: sealing(vault).reseal(blob, 3)) == "SEALING_FAILED"


def _code(work: Any) -> str:
    with pytest.raises(CallError) as caught:
        work()
    assert caught.value.__cause__ is None
    return caught.value.code
