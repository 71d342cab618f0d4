"""`alknet connect` as a process: what it tells, how it stops, and its exit status."""

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from node.cli.connect import app
from node.core.address import format_host_port, parse_host_port
from node.core.identity import Address
from node.quic.tls.keys import NodeKey
from tests.support.connecting import connect
from tests.support.far_ssh import FarSsh, far_ssh
from tests.support.openers import echoing
from tests.support.quic import serving, soon


async def through(proxy: Address, target: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to there by SOCKS5, by the name of the loopback."""
    reader, writer = await asyncio.open_connection(*proxy)
    writer.write(bytes.fromhex("050100 05010003") + b"\x09localhost" + target[1].to_bytes(2))
    assert await soon(reader.readexactly(12)) == bytes.fromhex("0500 05000001000000000000")
    return reader, writer


def started(far: FarSsh, home: Path, *options: str) -> Any:
    return connect(home, far.listener.address, far.key.fingerprint, *options)


async def test_it_serves_through_losses_and_drains_when_it_is_told_to_stop(tmp_path: Path) -> None:
    async with far_ssh() as far, echoing() as to:
        forward = f"127.0.0.1:0:{format_host_port(to)}"
        options = ("--socks5", "0", "--forward", forward, "--remote-forward", forward, "--drain", "30")
        async with started(far, tmp_path, *options) as command:
            proxy = parse_host_port(await command.says("SOCKS5 on"))
            local = parse_host_port(await command.says("forwarding on"))
            there = parse_host_port(await command.says("the node listens on"))
            far.cut()
            await command.says("connection lost: cut")
            again = parse_host_port(await command.says("the node listens on"))
            assert there[0] == again[0]
            for address in (local, again):
                reader, writer = await asyncio.open_connection(*address)
                writer.write(b"ping")
                assert await soon(reader.readexactly(4)) == b"ping"
                writer.close()
            reader, writer = await through(proxy, to)
            command.process.send_signal(signal.SIGTERM)
            await command.says("stopping")
            writer.write(b"to its end")
            writer.write_eof()
            assert await soon(reader.read(-1)) == b"to its end"
            writer.close()
            assert await command.ended() == 0
            assert not any(str(to[1]) in line for line in command.told)


async def test_a_second_signal_waits_for_nothing(tmp_path: Path) -> None:
    async with far_ssh() as far, echoing() as to, started(far, tmp_path, "--socks5", "0", "--drain", "3600") as command:
        reader, writer = await through(parse_host_port(await command.says("SOCKS5 on")), to)
        command.process.send_signal(signal.SIGINT)
        await command.says("stopping")
        command.process.send_signal(signal.SIGINT)
        with pytest.raises(ConnectionResetError):
            await soon(reader.read(-1))
        assert await command.ended() == 130
        writer.close()


async def test_the_exit_status_tells_what_no_repetition_mends(tmp_path: Path) -> None:
    async with far_ssh() as far, serving() as server, echoing() as taken:
        far.takes_keys = False
        here, pin = far.listener.address, far.key.fingerprint
        cases = [
            (here, NodeKey.generate().fingerprint, ("--socks5", "0"), 4, "not the pinned"),
            (
                (server.host, server.port),
                server.key.fingerprint,
                ("--socks5", "0"),
                5,
                "does not serve alknet/ssh; ssh.enabled",
            ),
            (here, pin, ("--socks5", "0"), 6, "does not take this key; there: alknet peer add NAME --key ed25519:"),
            (here, pin, ("--socks5", str(taken[1])), 1, "in use"),
        ]

        async def outcome(address: Address, key: str, options: tuple[str, ...]) -> tuple[int, str]:
            async with connect(tmp_path, address, key, *options) as command:
                return await command.ended(), "".join(command.told)

        ends = await asyncio.gather(*(outcome(*case[:3]) for case in cases))
        assert [status for status, _ in ends] == [case[3] for case in cases]
        for (_, told), case in zip(ends, cases, strict=True):
            assert case[4] in told


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--socks5", "0.0.0.0:1080"), "needs --socks5-login"),
        (("--socks5", "box:x"), "--socks5: expected"),
        (("--no-socks5",), "nothing to do"),
        (("--forward", "8080:box:80"), "--forward: expected BIND:PORT:HOST:PORT"),
        (("--remote-forward", "x"), "--remote-forward: expected BIND:PORT:HOST:PORT"),
        (("--host-key", "ssh-rsa AAAA"), "--host-key: expected"),
        (("--proxy", "http://box"), "--proxy: expected"),
        (("--socks5-login", "/none"), "no such file"),
    ],
)
def test_wrong_usage_is_told(
    options: tuple[str, ...], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    pin = NodeKey.generate().fingerprint
    result = CliRunner().invoke(app, ["box.example", "--pin", pin, *options])
    assert (result.exit_code, told in result.output) == (2, True), result.output
