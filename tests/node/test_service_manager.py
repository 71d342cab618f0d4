"""systemd hears of a service what sd_notify(3) has it hear, from real processes; and nobody else hears anything."""

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.service_manager import ServiceManager
from tests.support.appliance import environment, warm_alknet
from tests.support.migrated import migrated
from tests.support.web import Web

SECONDS = 60
FIRST_WORDS = {"READY=1", "RELOADING=1", "STOPPING=1", "WATCHDOG=1"}


class Manager:
    """A service manager's socket."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + name[1:] if name.startswith("@") else name)
        self._socket.settimeout(SECONDS)

    def hears(self, word: str) -> str:
        """The next message that begins so; pings are passed over, and nothing else is."""
        while True:
            message = self._socket.recv(4096).decode()
            first = message.partition("\n")[0]
            assert first in FIRST_WORDS
            if first == word:
                return message
            assert first == "WATCHDOG=1"

    def pending(self) -> int:
        """Messages that have come and that nobody has read; they are gone then."""
        self._socket.settimeout(0)
        count = 0
        try:
            while self._socket.recv(4096):
                count += 1
        except BlockingIOError:
            return count
        finally:
            self._socket.settimeout(SECONDS)
        return count

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["file", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    name = f"@alknet-tests/{os.getpid()}/{tmp_path.name}" if request.param == "abstract" else str(tmp_path / "notify")
    opened = Manager(name)
    yield opened
    opened.close()


def told_by(manager: Manager, **more: str) -> ServiceManager:
    return ServiceManager.from_environment({"NOTIFY_SOCKET": manager.name, **more})


def test_a_node_tells_that_it_serves_reads_its_settings_again_lives_and_ends(manager: Manager, tmp_path: Path) -> None:
    (tmp_path / "peers.toml").write_text("")
    env = environment(
        NOTIFY_SOCKET=manager.name,
        WATCHDOG_USEC="300000",
        ALKNET_DATA=str(tmp_path / "data"),
        ALKNET_NODE__PEERS_FILE=str(tmp_path / "peers.toml"),
    )
    command = [*warm_alknet(), "node", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as node:
        try:
            assert "STATUS=serving at 127.0.0.1:" in manager.hears("READY=1")
            for _ in range(4):
                manager.hears("WATCHDOG=1")
            node.send_signal(signal.SIGHUP)
            assert "MONOTONIC_USEC=" in manager.hears("RELOADING=1")
            manager.hears("READY=1")
            node.send_signal(signal.SIGTERM)
            manager.hears("STOPPING=1")
            assert node.wait(SECONDS) == 0
        finally:
            node.terminate()


def test_a_panel_tells_the_same(manager: Manager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", manager.name)
    monkeypatch.setenv("WATCHDOG_USEC", "300000")
    web = Web(migrated(tmp_path / "data"))
    try:
        assert f"STATUS=serving the panel at {web.url}" in manager.hears("READY=1")
        manager.hears("WATCHDOG=1")
        web.process.send_signal(signal.SIGTERM)
        manager.hears("STOPPING=1")
    finally:
        web.end()


async def test_a_loop_that_stands_still_sends_no_ping(manager: Manager) -> None:
    service = told_by(manager, WATCHDOG_USEC="60000")
    async with service.watched():
        await asyncio.sleep(0.1)
        assert manager.pending() >= 1
        time.sleep(0.3)
        assert manager.pending() == 0
        await asyncio.sleep(0.1)
        assert manager.pending() >= 1
    await asyncio.sleep(0.1)
    assert manager.pending() <= 1


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"WATCHDOG_USEC": ""},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "1", "WATCHDOG_PID": "1"},
    ],
)
def test_who_is_not_watched_sends_no_pings(tmp_path: Path, variables: dict[str, str]) -> None:
    assert ServiceManager.from_environment({"NOTIFY_SOCKET": "/run/x", **variables}).watchdog is None


def test_it_is_its_own_watchdog_by_its_pid() -> None:
    variables = {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}
    assert ServiceManager.from_environment(variables).watchdog == 30


@pytest.mark.parametrize("name", ["", "relative", "vsock:2:1"])
def test_without_a_socket_that_is_one_nothing_is_told(name: str) -> None:
    ServiceManager.from_environment({"NOTIFY_SOCKET": name}).ready("fine")


def test_a_manager_that_is_gone_or_full_stops_nobody(manager: Manager) -> None:
    service = told_by(manager)
    for _ in range(10_000):
        service.status("still here\nREADY=1")
    assert "still here READY=1" in manager._socket.recv(4096).decode(), "what is said is one line"
    manager.close()
    service.stopping()
