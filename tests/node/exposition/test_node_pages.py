"""The private pages of a real node: what it shows Prometheus, and whether it says that it is ready."""

import asyncio
import json
import re
import socket
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.custody import by_passphrase, contents, custody_at, made
from tests.support.node_process import NodeProcess, peer_table, running

SHOWN = {"ALKNET_METRICS__NODE_LISTEN": "127.0.0.1:0"}


async def address(node: NodeProcess) -> str:
    await node.says("metrics are shown")
    [line] = [json.loads(line) for line in node.text().splitlines() if "metrics are shown" in line]
    return f"http://{line['address']}"


def get(url: str) -> tuple[int, str]:
    try:
        with urlopen(url, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def scraped(text: str) -> dict[str, dict[tuple[str, ...], float]]:
    """Each sample by its name and the values of its labels."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


async def test_a_node_shows_what_it_does(tmp_path: Path) -> None:
    data, peers = tmp_path / "data", tmp_path / "peers.toml"
    made(data)
    peers.write_text(
        peer_table(tmp_path / "quetzal", "quetzal") + peer_table(tmp_path / "okapi", "okapi") + "enabled = false\n"
    )
    async with running(data, ALKNET_NODE__PEERS_FILE=str(peers), **SHOWN) as node:
        pages = await address(node)
        async with node.connect(tmp_path / "quetzal") as ann:
            await ann.call("node/whoami")
            status, text = await asyncio.to_thread(get, f"{pages}/metrics")
        assert status == 200
        found = scraped(text)
        assert found["alknet_connections"] == {("alknet/call",): 1}
        assert found["alknet_peers"] == {("absent",): 0, ("connected",): 1, ("disabled",): 1, ("expired",): 0}
        assert found["alknet_handshake_seconds_count"] == {(): 1}
        assert found["alknet_quic_connections"] == {(): 1}
        assert found["alknet_denied_total"][("quic.total",)] == 0
        assert found["process_resident_memory_bytes"][()] > 10_000_000
        assert "quetzal" not in text
        assert "127.0.0.1" not in text
        ready = json.loads((await asyncio.to_thread(get, f"{pages}/readyz"))[1])
        assert (ready["ready"], ready["failing"]) == (True, [])
        assert {check["name"] for check in ready["checks"]} == {"serving", "vault", "index", "journal", "loop"}
        assert (await asyncio.to_thread(get, f"{pages}/healthz")) == (200, "ok\n")
        assert (await asyncio.to_thread(get, f"{pages}/other"))[0] == 404


async def test_a_node_that_waits_for_its_vault_is_not_ready(tmp_path: Path) -> None:
    data = tmp_path / "data"
    custody_at(data).make(contents(), by_passphrase(), shown=False)
    async with running(data, **SHOWN) as node:
        pages = await address(node)
        status, text = await asyncio.to_thread(get, f"{pages}/readyz")
        assert (status, json.loads(text)["failing"]) == (503, ["serving", "vault", "index"])
        status, text = await asyncio.to_thread(get, f"{pages}/metrics")
        assert (status, "alknet_journal_backlog" in text) == (200, True)


async def test_a_port_that_is_taken_is_told_and_the_node_goes_on(tmp_path: Path) -> None:
    data, peers = tmp_path / "data", tmp_path / "peers.toml"
    made(data)
    peers.write_text("")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        async with running(data, ALKNET_NODE__PEERS_FILE=str(peers), ALKNET_METRICS__NODE_LISTEN=listen) as node:
            await node.says("metrics are not shown")
            assert re.search(r"address already in use", node.text(), re.IGNORECASE)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
