"""The node as a process: its starts, its refusals to start, and its other source of peers."""

import asyncio
import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from node.assembly.credentials import credentials_of, opener
from node.assembly.handlers import call_operations, make_handlers
from node.assembly.running import running as _running
from node.client.call import CallClient
from node.core.journal import NoJournal
from node.core.metrics import Metrics
from node.handlers.call.limits import CallLimits
from node.opened import OpenedCredentials
from node.quic.tls.keys import load_or_create_node_key
from node.reload import LiveSettings
from node.settings import HANDLERS, Settings
from node.store.memory import MemoryIdentityStore
from node.vault import VaultService
from tests.support import warm
from tests.support.appliance import environment
from tests.support.certificates import certificate, put, sha256_of
from tests.support.node_process import ROOT, SECONDS, NodeProcess, peer_table, running


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def peers_file(tmp_path: Path) -> Path:
    path = tmp_path / "peers.toml"
    path.write_text(peer_table(tmp_path / "ann", "ann"))
    return path


def prepare(data: Path) -> None:
    subprocess.run(
        [warm.python(), "manage.py", "prepare"], env=environment(ALKNET_DATA=str(data)), cwd=ROOT, check=True
    )


async def who(client: CallClient) -> Any:
    return (await client.call("node/whoami"))["identity"]


async def test_a_node_of_a_peers_file_follows_it_at_a_hangup(data: Path, peers_file: Path, tmp_path: Path) -> None:
    async with running(data, ALKNET_NODE__PEERS_FILE=str(peers_file)) as node:
        async with node.connect(tmp_path / "ann") as client:
            assert await who(client) == {"id": "ann", "scopes": ["a"], "resources": {}}
            peers_file.write_text("peers = 7")
            node.process.send_signal(signal.SIGHUP)
            while "peers file refused" not in node.text():
                await asyncio.sleep(0.02)
            assert (await who(client))["id"] == "ann"
            peers_file.write_text(peer_table(tmp_path / "bob", "bob"))
            node.process.send_signal(signal.SIGHUP)
            end = await asyncio.wait_for(client.connection.wait_closed(), SECONDS)
            assert end.reason == "revoked: peer removed"
        async with node.connect(tmp_path / "bob") as client:
            assert (await who(client))["id"] == "bob"


async def test_a_node_started_before_migrate_serves_once_the_database_is_made(data: Path, tmp_path: Path) -> None:
    node = NodeProcess(data)
    try:
        waiting = asyncio.create_task(node.serving())
        while "waiting for the database" not in node.text():
            await asyncio.sleep(0.02)
        assert not waiting.done()
        await asyncio.to_thread(prepare, data)
        await waiting
        async with node.connect(tmp_path / "ann") as client:
            assert await who(client) is None
    finally:
        node.end()


async def test_a_node_that_waits_for_its_database_still_stops(data: Path) -> None:
    node = NodeProcess(data)
    try:
        while "waiting for the database" not in node.text():
            await asyncio.sleep(0.02)
        node.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(node.process.wait, SECONDS) == 0
    finally:
        node.end()


async def test_a_node_ends_with_its_supervisor(data: Path, peers_file: Path) -> None:
    async with running(data, ALKNET_NODE__PEERS_FILE=str(peers_file)) as node:
        node.lifeline.close()
        assert await asyncio.to_thread(node.process.wait, SECONDS) == 0


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


def failed_start(data: Path, *options: str, **settings: str) -> str:
    """What a node that refuses to start says: one line, and status 1."""
    done = subprocess.run(
        [warm.python(), "-m", "node.cli.main", "node", *options],
        env=environment(ALKNET_DATA=str(data), **settings),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    [line] = [line for line in done.stderr.splitlines() if "cannot start" in line]
    assert "Traceback" not in done.stderr
    error: str = json.loads(line)["error"]
    return error


def test_a_taken_port_is_told(data: Path, taken_port: int, peers_file: Path) -> None:
    address = f"127.0.0.1:{taken_port}"
    assert address in failed_start(data, "--listen", address, ALKNET_NODE__PEERS_FILE=str(peers_file))


def test_an_exposed_key_is_refused(data: Path, peers_file: Path) -> None:
    key = data / "secrets" / "node_key.pem"
    load_or_create_node_key(key)
    key.chmod(0o644)
    assert "0644" in failed_start(data, ALKNET_NODE__PEERS_FILE=str(peers_file))


def test_a_peers_file_with_a_repeated_name_is_refused(data: Path, peers_file: Path) -> None:
    peers_file.write_text('[[peers]]\npeer_id = "ann"\n[[peers]]\npeer_id = "ann"\n')
    assert "duplicate peer_id: ann" in failed_start(data, ALKNET_NODE__PEERS_FILE=str(peers_file))


def test_a_missing_peers_file_is_told(data: Path, tmp_path: Path) -> None:
    missing = tmp_path / "none.toml"
    assert str(missing) in failed_start(data, ALKNET_NODE__PEERS_FILE=str(missing))


def test_certificate_files_that_do_not_match_are_told(data: Path, peers_file: Path, tmp_path: Path) -> None:
    one, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    paths = {
        "ALKNET_NODE__CERTIFICATE": str(put(tmp_path / "chain.pem", certificate(one))),
        "ALKNET_NODE__CERTIFICATE_KEY": str(put(tmp_path / "key.pem", other)),
    }
    told = failed_start(data, ALKNET_NODE__PEERS_FILE=str(peers_file), **paths)
    assert "key.pem: does not belong to the first certificate of" in told


async def test_a_node_shows_the_same_certificate_after_a_restart_until_an_operator_gives_it_one(
    data: Path, peers_file: Path, tmp_path: Path
) -> None:
    settings = {"ALKNET_NODE__PEERS_FILE": str(peers_file)}
    shown = []
    for _ in range(2):
        async with running(data, **settings) as node:
            shown.append(node.facts["certificate"])
    assert shown[0] == shown[1]
    private = ec.generate_private_key(ec.SECP384R1())
    leaf, later = (certificate(private, name="node.example") for _ in range(2))
    both = put(tmp_path / "both.pem", leaf, private)
    async with running(data, **settings, ALKNET_NODE__CERTIFICATE=str(both)) as node:
        assert node.facts["certificate"] == sha256_of(leaf)
        put(both, later, private)
        while "the certificate was changed" not in node.text():
            await asyncio.sleep(0.05)
        async with CallClient.connect(node.facts["address"], key=None, pin=sha256_of(later)) as client:
            assert await who(client) is None


def test_the_logs_of_a_start_hold_no_secret(data: Path, peers_file: Path) -> None:
    key = data / "secrets" / "node_key.pem"
    load_or_create_node_key(key)
    secret = "".join(key.read_text().splitlines()[1:-1])
    key.chmod(0o640)
    assert secret not in failed_start(data, ALKNET_NODE__PEERS_FILE=str(peers_file))


async def test_background_work_that_fails_is_told_and_ends_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise RuntimeError("of itself")

    async with _running(fail(), "certificates"):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    [told] = [record for record in caplog.records if record.message == "task failed"]
    assert told.task == "certificates"  # type: ignore[attr-defined]  # set by `extra`


def test_the_settings_know_every_protocol_of_the_node() -> None:
    limits, store, vault = LiveSettings(Settings()), MemoryIdentityStore(), VaultService()
    opened = OpenedCredentials(credentials_of(store), limits.capabilities, opener(vault), vault.is_unlocked)
    handlers = make_handlers(limits, store, Metrics(), call_operations(CallLimits()), opened, NoJournal()).registry
    assert tuple(alpn.decode() for alpn in handlers.alpns()) == HANDLERS
