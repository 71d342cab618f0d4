"""A box and its words: the same anywhere, locked and unlocked while it runs, and a made-up key given up for them."""

import asyncio
import contextlib
import json
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from node.client.call import CallClient
from node.core.errors import PinMismatch
from node.local_socket import connect
from node.quic.tls.keys import load_or_create_node_key
from tests.support.appliance import Appliance, alknet, environment, running_appliance
from tests.support.custody import IDENTITY, PASSPHRASE, WORDS, custody_at, phrase_in, write_passphrase
from tests.support.node_process import SECONDS, NodeProcess, peer_table, running
from tests.support.terminal import Terminal
from tests.support.waiting import until

Vault = Callable[..., str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each machine has a home, where its key files lie."""
    path = tmp_path / "home"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(path))
    return path


@pytest.fixture
def peers(tmp_path: Path) -> dict[str, str]:
    path = tmp_path / "peers.toml"
    path.write_text(peer_table(tmp_path / "ann", "ann"))
    return {"ALKNET_NODE__PEERS_FILE": str(path)}


@pytest.fixture
def passphrase_file(tmp_path: Path) -> Path:
    return write_passphrase(tmp_path)


def vault(data: Path, *arguments: str, said: str = "", expect: int = 0) -> str:
    """Run `alknet vault …` on a data directory; what it printed."""
    ran = alknet("vault", *arguments, env=environment(ALKNET_DATA=str(data)), given=said)
    assert ran.returncode == expect, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


async def in_thread(*arguments: Any, **more: Any) -> str:
    return await asyncio.to_thread(vault, *arguments, **more)


async def answers(node: NodeProcess, tmp_path: Path, pin: str) -> bool:
    """Whether a client that knows the peer's key, and pinned this one, is served."""
    key = load_or_create_node_key(tmp_path / "ann")
    async with CallClient.connect(node.facts["address"], key=key, pin=pin) as client:
        return bool((await client.call("node/whoami"))["identity"]["id"] == "ann")


async def next_facts(node: NodeProcess) -> dict[str, Any]:
    facts = await asyncio.wait_for(node.lifeline.read_ready(), SECONDS)
    assert facts is not None, node.text()
    node.facts = facts
    return facts


@pytest.fixture
async def locked(tmp_path: Path, peers: dict[str, str], passphrase_file: Path) -> AsyncIterator[NodeProcess]:
    """A node whose key is behind a passphrase."""
    data = tmp_path / "data"
    vault(data, "init", "--passphrase-file", str(passphrase_file))
    async with running(data, **peers) as node:
        yield node


async def test_the_same_words_on_another_machine_are_the_same_box(
    tmp_path: Path, peers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    async with running(old, **peers) as node:
        pin = node.facts["fingerprint"]
        assert await answers(node, tmp_path, pin)
    assert not (old / "secrets" / "node_key.pem").exists()
    host_key = vault(old, "pubkey", "ssh-host")
    words = phrase_in(custody_at(old))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "another home"))
    vault(new, "init", "--words-file", "-", said=words)
    async with running(new, **peers) as node:
        assert await answers(node, tmp_path, pin)
        assert words not in node.text()
    assert vault(new, "pubkey", "ssh-host") == host_key
    stranger = tmp_path / "stranger"
    async with running(stranger, **peers) as node:
        with pytest.raises(PinMismatch):
            await answers(node, tmp_path, pin)


async def test_no_other_vault_is_made_beside_the_credentials_of_a_lost_one(
    tmp_path: Path, peers: dict[str, str], home: Path
) -> None:
    data = tmp_path / "data"
    assert (await asyncio.to_thread(alknet, "peer", "list", env=environment(ALKNET_DATA=str(data)))).returncode == 0
    with contextlib.closing(sqlite3.connect(data / "alknet.db")) as database, database:
        insert = "INSERT INTO credentials (provider, key_version, salt, iv, data) VALUES ('openai', 2, '', ?, ?)"
        database.execute(insert, (bytes(12), bytes(16)))
    async with running(data, **peers) as node:
        assert (node.facts["serving"], node.facts["vault"]) == (False, "absent")
        await node.says("the vault of these sealed credentials is missing")
        assert not custody_at(data).paths.vault.exists()
        assert not (home / "alknet" / "boxes").exists()
        await in_thread(data, "init", "--words-file", "-", said=WORDS)
        await in_thread(data, "unlock")
        assert (await next_facts(node))["serving"] is True
        assert await answers(node, tmp_path, IDENTITY)


async def test_a_vault_that_is_locked_again_at_once_holds_up_no_stop(locked: NodeProcess) -> None:
    def ask(wish: dict[str, str]) -> socket.socket:
        sock = connect(custody_at(locked.data).paths.vault_door, SECONDS)
        sock.sendall(json.dumps(wish).encode() + b"\n")
        return sock

    # The lock waits behind the unlock, and comes before anybody has heard of that.
    with ask({"do": "unlock", "passphrase": PASSPHRASE}) as unlocking, ask({"do": "lock"}) as locking:
        assert b'"ok": true' in await asyncio.to_thread(unlocking.recv, 1000)
        assert b'"locked"' in await asyncio.to_thread(locking.recv, 1000)
    await locked.says("waiting for the vault to be unlocked", 2)
    locked.process.terminate()
    assert await asyncio.to_thread(locked.process.wait, SECONDS) == 0


async def test_a_locked_node_tells_what_waits_and_serves_once_it_is_unlocked(
    locked: NodeProcess, tmp_path: Path, passphrase_file: Path
) -> None:
    facts = locked.facts
    assert (facts["serving"], facts["vault"]) == (False, "locked")
    await locked.says("waiting for the vault to be unlocked")
    refused = await in_thread(locked.data, "unlock", "--passphrase-file", "-", said="not this one", expect=1)
    assert "wrong passphrase; the next try is possible in 1 s" in refused
    assert "alknet vault unlock" in await in_thread(locked.data, "status")
    await asyncio.sleep(1.1)
    pid = locked.process.pid
    await in_thread(locked.data, "unlock", "--passphrase-file", str(passphrase_file))
    served = await next_facts(locked)
    assert (served["serving"], served["vault"], served["fingerprint"]) == (True, "unlocked", facts["fingerprint"])
    assert await answers(locked, tmp_path, facts["fingerprint"])
    assert locked.process.pid == pid
    assert locked.process.poll() is None
    for secret in (PASSPHRASE, "not this one"):
        assert secret not in locked.text()


async def test_a_node_that_is_locked_later_serves_on_with_the_key_that_it_has(
    locked: NodeProcess, tmp_path: Path, passphrase_file: Path
) -> None:
    await in_thread(locked.data, "unlock", "--passphrase-file", str(passphrase_file))
    await next_facts(locked)
    await in_thread(locked.data, "lock")
    facts = await next_facts(locked)
    assert (facts["serving"], facts["vault"]) == (True, "locked")
    assert await answers(locked, tmp_path, facts["fingerprint"])
    await in_thread(locked.data, "unlock", "--passphrase-file", str(passphrase_file))
    assert (await next_facts(locked))["vault"] == "unlocked"


async def test_a_locked_node_stops_when_it_is_told_to(locked: NodeProcess) -> None:
    locked.process.terminate()
    assert await asyncio.to_thread(locked.process.wait, SECONDS) == 0
    assert not custody_at(locked.data).paths.vault_door.exists()


async def test_a_box_whose_key_file_is_gone_waits_for_it(tmp_path: Path, peers: dict[str, str], home: Path) -> None:
    data = tmp_path / "data"
    vault(data, "init")
    [key_file] = (home / "alknet" / "boxes").iterdir()
    away = key_file.rename(tmp_path / "away")
    async with running(data, **peers) as node:
        assert node.facts["serving"] is False
        assert "no such key file" in await in_thread(data, "unlock", expect=1)
        away.rename(key_file)
        await in_thread(data, "unlock")
        assert (await next_facts(node))["serving"] is True


async def test_a_vault_file_that_cannot_be_read_is_a_locked_node_with_a_reason(
    tmp_path: Path, peers: dict[str, str]
) -> None:
    data = tmp_path / "data"
    vault(data, "init")
    file = custody_at(data).paths.vault
    content = file.read_bytes()
    file.write_bytes(content[:100])
    async with running(data, **peers) as node:
        assert (node.facts["serving"], node.facts["vault"]) == (False, "locked")
        assert "is damaged" in await in_thread(data, "status", expect=1)
        file.write_bytes(content)
        await in_thread(data, "unlock")
        assert (await next_facts(node))["serving"] is True


async def test_a_made_up_key_is_served_until_it_is_given_up_for_the_words(
    tmp_path: Path, peers: dict[str, str], passphrase_file: Path
) -> None:
    data = tmp_path / "data"
    old = load_or_create_node_key(data / "secrets" / "node_key.pem").fingerprint
    async with running(data, **peers) as node:
        assert node.facts["fingerprint"] == old
        assert await answers(node, tmp_path, old)
        new = custody_at(data).existing().identity
        told = await in_thread(data, "adopt", "--yes")
        assert old in told
        assert f"alknet trust ADDRESS {new}" in told
        assert await answers(node, tmp_path, old)
    async with running(data, **peers) as node:
        assert node.facts["fingerprint"] == new
        assert await answers(node, tmp_path, new)
        with pytest.raises(PinMismatch):
            await answers(node, tmp_path, old)


async def test_a_made_up_key_is_served_while_the_vault_is_locked(
    tmp_path: Path, peers: dict[str, str], passphrase_file: Path
) -> None:
    data = tmp_path / "data"
    old = load_or_create_node_key(data / "secrets" / "node_key.pem").fingerprint
    vault(data, "init", "--passphrase-file", str(passphrase_file))
    async with running(data, **peers) as node:
        assert (node.facts["serving"], node.facts["vault"]) == (True, "locked")
        assert await answers(node, tmp_path, old)


async def test_the_memory_of_a_node_is_no_core_file_and_nobodys_to_trace(tmp_path: Path, peers: dict[str, str]) -> None:
    async with running(tmp_path / "data", python=sys.executable, **peers) as node:
        limits = Path(f"/proc/{node.process.pid}/limits").read_text()
        [line] = [line for line in limits.splitlines() if line.startswith("Max core file size")]
        assert line.split()[4:6] == ["0", "0"]


def ready_when(appliance: Appliance, **wanted: object) -> dict[str, Any]:
    def seen() -> dict[str, Any] | None:
        facts: dict[str, Any] = json.loads(appliance.ready_file.read_text())
        return facts if facts.items() >= wanted.items() else None

    return until(seen, f"a ready file with {wanted}")  # type: ignore[return-value]  # until gives the first true one


def test_the_appliance_is_up_though_its_node_is_locked_and_follows_the_unlocking(
    tmp_path: Path, passphrase_file: Path
) -> None:
    data = tmp_path / "data"
    vault(data, "init", "--passphrase-file", str(passphrase_file))
    with running_appliance(data) as appliance:
        assert (appliance.ready["node_serving"], appliance.ready["vault"]) == (False, "locked")
        assert appliance.ready["node_fingerprint"] == custody_at(data).existing().identity
        assert "alknet vault unlock" in appliance.log()
        assert "waits for its vault" in appliance.run("doctor")
        appliance.run("vault", "unlock", "--passphrase-file", str(passphrase_file))
        facts = ready_when(appliance, node_serving=True, vault="unlocked")
        assert facts["node_pid"] == appliance.ready["node_pid"]
        assert facts["node_fingerprint"] == appliance.ready["node_fingerprint"]
        assert appliance.run("doctor").count("have not been shown yet") == 1
    assert PASSPHRASE not in appliance.log()


UP = ("up", "--listen", "127.0.0.1:0", "--panel", "127.0.0.1:0")


def test_the_first_start_on_a_terminal_shows_the_words_once(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Terminal(*UP, ALKNET_DATA=str(data)) as terminal:
        terminal.expect("Ctrl-C stops it.")
        terminal.process.terminate()
        assert terminal.end() == 0
    words = phrase_in(custody_at(data)).split()
    for place, word in enumerate(words, 1):
        assert terminal.shown.count(f"{place:2}. {word}") == 1
    assert "have not been shown" not in terminal.shown
    with Terminal(*UP, ALKNET_DATA=str(data)) as again:
        again.expect("Ctrl-C stops it.")
        again.process.terminate()
        assert again.end() == 0
    assert f"1. {words[0]}" not in again.shown


def test_up_on_a_terminal_asks_once_for_the_passphrase(tmp_path: Path, passphrase_file: Path) -> None:
    data = tmp_path / "data"
    vault(data, "init", "--passphrase-file", str(passphrase_file))
    with Terminal(*UP, ALKNET_DATA=str(data)) as terminal:
        terminal.expect("start locked: ")
        terminal.type(PASSPHRASE)
        terminal.expect("Alknet is up.")
        terminal.process.terminate()
        assert terminal.end() == 0
    assert PASSPHRASE not in terminal.shown
    with Terminal(*UP, ALKNET_DATA=str(data)) as terminal:
        terminal.expect("start locked: ")
        terminal.type("")
        terminal.expect("its node is locked")
        terminal.process.terminate()
        assert terminal.end() == 0


def test_without_a_terminal_no_word_of_the_phrase_is_written_anywhere(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_appliance(data) as appliance:
        assert "have not been shown yet" in appliance.log()
    words = phrase_in(custody_at(data))
    pairs = [" ".join(words.split()[at : at + 2]) for at in range(23)]
    written = [path.read_bytes() for path in data.rglob("*") if path.is_file()] + [appliance.log().encode()]
    for content in written:
        assert not any(pair.encode() in content for pair in pairs)
