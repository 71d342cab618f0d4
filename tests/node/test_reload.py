"""A running node follows its settings file: what changes, what does not, and what it says."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from node import reload
from node.cli.manage import child_environment
from node.core.errors import HandshakeError
from node.quic.tls.keys import NodeKey
from node.reload import LiveSettings, SettingsWatch
from node.settings import load_settings
from tests.support.certificates import certificate, put
from tests.support.node_process import peer_table, running


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


async def test_a_running_node_takes_its_new_limits_from_the_file(data: Path, tmp_path: Path) -> None:
    peers, config = tmp_path / "peers.toml", data / "alknet.toml"
    peers.write_text(peer_table(tmp_path / "ann", "ann"))
    config.write_text("[quic]\nmax_connections = 1\n")
    keys = [NodeKey.generate().private for _ in range(2)]
    chain = put(tmp_path / "chain.pem", certificate(keys[0]), keys[0])
    given = {"ALKNET_NODE__PEERS_FILE": str(peers), "ALKNET_NODE__CERTIFICATE": str(chain)}
    async with running(data, **given) as node, node.connect(tmp_path / "ann"):
        with pytest.raises(HandshakeError):
            await _call(node, tmp_path)
        config.write_text('[quic]\nmax_connections = 5\n[node]\nlisten = "127.0.0.1:1"\n[log]\nformat = "json"\n')
        await node.says("settings read again")
        await _call(node, tmp_path)
        await node.says("take effect at the next start")
        assert '"keys": ["log.format"]' in node.text(), "node.listen is an option of this process"
        config.write_text("[quic]\nmax_connections = none\n")
        node.process.send_signal(signal.SIGHUP)
        await node.says("settings refused")
        assert "alknet.toml line 2: not valid TOML" in node.text()
        await _call(node, tmp_path)
        config.write_text("[quic]\nmax_connections = 1\n")
        node.process.send_signal(signal.SIGHUP)
        await node.says("settings read again", 2)
        with pytest.raises(HandshakeError):
            await _call(node, tmp_path)
        assert node.text().count("peers file loaded") == 2
        put(chain, certificate(keys[1]), keys[0])
        for count in (1, 2):
            node.process.send_signal(signal.SIGHUP)
            await node.says("the changed certificate cannot be used", count)


async def _call(node: Any, directory: Path) -> None:
    async with node.connect(directory / "ann") as client:
        assert (await client.call("node/whoami"))["identity"]["id"] == "ann"


class Watched:
    """A watch over a file, in this process and with short looks."""

    def __init__(self, data: Path) -> None:
        self.file = data / "alknet.toml"
        load = partial(load_settings, data=data, overrides={"quic.max_streams": 9})
        started = load()
        self.settings = LiveSettings(started.settings)
        self.watch = SettingsWatch(started, load, self.settings)

    @contextlib.asynccontextmanager
    async def following(self) -> AsyncIterator["Watched"]:
        task = asyncio.create_task(self.watch.run())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def sees(self, most: int) -> None:
        async with asyncio.timeout(60):
            while self.settings.quic.value.max_connections != most:
                await asyncio.sleep(0.005)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reload, "LOOK_EVERY", 0.02)


@pytest.fixture(autouse=True)
def level() -> Any:
    before = logging.getLogger().level, logging.getLogger("quic").level
    yield
    logging.getLogger().setLevel(before[0])
    logging.getLogger("quic").setLevel(before[1])


@pytest.mark.usefixtures("quick")
async def test_what_is_stronger_than_the_file_stays_stronger(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALKNET_QUIC__MAX_UNI_STREAMS", "7")
    async with Watched(data).following() as watched:
        watched.file.write_text("[quic]\nmax_connections = 3\nmax_uni_streams = 1\nmax_streams = 1\n")
        await watched.sees(3)
        limits = watched.settings.quic.value
        assert (limits.max_uni_streams, limits.max_streams) == (7, 9)


@pytest.mark.usefixtures("quick")
async def test_a_file_that_goes_away_leaves_the_defaults(data: Path) -> None:
    watched = Watched(data)
    watched.file.write_text("[quic]\nmax_connections = 3\n")
    async with watched.following():
        await watched.sees(3)
        watched.file.unlink()
        await watched.sees(10_000)


@pytest.mark.usefixtures("quick")
async def test_a_wrong_file_changes_nothing_and_is_told_once(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    watched = Watched(data)
    watched.file.write_text("[quic]\nmax_connections = 3\n")
    async with watched.following():
        await watched.sees(3)
        watched.file.write_text("[quic]\nmax_connections = 4\nmax_stream = 1\n")
        await _until_told(caplog, "settings refused")
        watched.file.touch()
        await asyncio.sleep(0.2)
        assert watched.settings.quic.value.max_connections == 3
        [told] = _told(caplog, "settings refused")
        assert "alknet.toml line 3: unknown key “quic.max_stream”" in told.error
        watched.file.write_text("[quic]\nmax_connections = 4\n")
        await watched.sees(4)


@pytest.mark.usefixtures("quick")
async def test_a_repaired_file_is_told_once_even_if_nothing_is_new_in_it(
    data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    watched = Watched(data)
    async with watched.following():
        watched.file.write_text("[quic]\nmax_stream = 1\n")
        await _until_told(caplog, "settings refused")
        watched.file.write_text("[quic]\n")
        await _until_told(caplog, "the settings file is good again")
        watched.file.write_text("[quic]\nmax_connections = 4\n")
        await watched.sees(4)
        assert len(_told(caplog, "good again")) == 1


async def test_a_file_that_is_still_being_written_is_left_alone(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An editor that empties the file first would else put the defaults in force for a moment."""
    monkeypatch.setattr(reload, "LOOK_EVERY", 0.1)
    watched = Watched(data)
    watched.file.write_text("[quic]\nmax_connections = 3\n")
    async with watched.following():
        await watched.sees(3)
        seen = set()
        for number in range(20):
            watched.file.write_text("# " + "x" * number)
            seen.add(watched.settings.quic.value.max_connections)
            await asyncio.sleep(0.02)
        assert seen == {3}
        watched.file.write_text("[quic]\nmax_connections = 5\n")
        await watched.sees(5)


@pytest.mark.usefixtures("quick")
async def test_the_level_of_the_log_follows(data: Path) -> None:
    watched = Watched(data)
    async with watched.following():
        watched.file.write_text('[log]\nlevel = "error"\n[quic]\nmax_connections = 3\n')
        await watched.sees(3)
        assert logging.getLogger().level == logging.ERROR


@pytest.mark.usefixtures("quick")
async def test_what_the_environment_overrules_waits_for_no_restart(
    data: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ALKNET_NODE__ENGINE", "stock")
    async with Watched(data).following() as watched:
        watched.file.write_text('[quic]\nmax_connections = 3\n[node]\nengine = "auto"\n[log]\nformat = "json"\n')
        await _until_told(caplog, "take effect at the next start")
        [told] = _told(caplog, "take effect at the next start")
        assert told.keys == ["log.format"]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("option", "variable", "expected"),
    [
        (None, None, ["node.listen", "panel.listen"]),
        ("127.0.0.1:1", None, ["panel.listen"]),
        (None, "127.0.0.1:1", ["panel.listen"]),
    ],
)
async def test_the_node_of_an_appliance_names_a_changed_address(
    data: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    option: str | None,
    variable: str | None,
    expected: list[str],
) -> None:
    """What the supervisor hands down to it is no answer of the user's."""
    (data / "alknet.toml").write_text('[node]\nlisten = "127.0.0.1:2"\n')
    if variable is not None:
        monkeypatch.setenv("ALKNET_NODE__LISTEN", variable)
    given = child_environment(load_settings(data=data, overrides={"node.listen": option}))
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert load_settings().settings.node.listen == (option or variable or "127.0.0.1:2")
    async with Watched(data).following() as watched:
        watched.file.write_text('[node]\nlisten = "127.0.0.1:3"\n[panel]\nlisten = "127.0.0.1:4"\n')
        await _until_told(caplog, "take effect at the next start")
        [told] = _told(caplog, "take effect at the next start")
        assert told.keys == expected


@pytest.mark.usefixtures("quick")
async def test_what_protocols_may_use_follows_and_whoever_asked_hears_of_it(
    data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    watched, heard = Watched(data), asyncio.Event()
    watched.settings.subscribe(heard.set)
    async with watched.following():
        watched.file.write_text('[capabilities]\n"alknet/call" = ["openai"]\n')
        await asyncio.wait_for(heard.wait(), 60)
        assert watched.settings.capabilities.value == {"alknet/call": ("openai",)}
        watched.file.write_text('[capabilities]\n"alknet/cal" = ["github"]\n')
        await _until_told(caplog, "settings refused")
        assert watched.settings.capabilities.value == {"alknet/call": ("openai",)}
        heard.clear()
        watched.file.write_text("")
        await asyncio.wait_for(heard.wait(), 60)
        while watched.settings.capabilities.value:
            await asyncio.sleep(0.005)


def test_only_what_is_different_is_replaced(data: Path) -> None:
    before = load_settings(data=data).settings
    settings = LiveSettings(before)
    quic, call = settings.quic.value, settings.call.value
    assert settings.replace(load_settings(data=data, overrides={"call.max_in_flight": 5}).settings) == {
        "call.max_in_flight": 5
    }
    assert settings.quic.value is quic
    assert settings.call.value is not call


async def _until_told(caplog: pytest.LogCaptureFixture, text: str) -> None:
    async with asyncio.timeout(60):
        while not _told(caplog, text):
            await asyncio.sleep(0.005)


def _told(caplog: pytest.LogCaptureFixture, text: str) -> list[Any]:
    return [record for record in caplog.records if text in record.message]
