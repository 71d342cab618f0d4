"""The server of the control socket against clients that are foreign, hostile, slow or gone."""

import asyncio
import logging
import os
import random
import shutil
import socket
import stat
import struct
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from node.control.client import NodeUnreachable
from node.control.limits import MAX_FRAME, ControlLimits
from node.handlers.call.limits import CallLimits
from node.local_socket import SocketTaken
from tests.support.control import Control, control, frame, read_all, read_events, request
from tests.support.eventually import eventually

NOBODY = 65534
AS_NOBODY = """
import os, socket, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
with socket.socket(socket.AF_UNIX) as sock:
    sock.connect(sys.argv[1])
    sock.settimeout(60)
    try:
        sock.sendall(bytes.fromhex(sys.argv[2]))
        print(sock.recv(1))
    except (BrokenPipeError, ConnectionResetError):
        print(b"")
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "node.sock"


@pytest.fixture
async def running(path: Path) -> AsyncIterator[Control]:
    async with control(path) as control_socket:
        yield control_socket


async def still_serves(running: Control) -> None:
    assert await running.call("node/status") == {"connections": len(running.told.live)}
    await eventually(lambda: running.server.snapshot()["connections"] == 0, "an end to every connection")


async def test_it_is_there_while_the_node_runs_and_for_its_user_alone(path: Path) -> None:
    async with control(path) as running:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        await still_serves(running)
        with pytest.raises(SocketTaken):
            async with control(path):
                pass
        await still_serves(running)
    assert not path.exists()
    with pytest.raises(NodeUnreachable):
        await running.call("node/status")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A directory that every user may enter, which those of pytest are not."""
    folder = Path(tempfile.mkdtemp())
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
async def test_a_foreign_user_is_closed_before_a_byte_is_read(
    open_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with control(open_folder / "node.sock") as running:
        open_folder.chmod(0o755)
        running.path.chmod(0o666)
        command = (sys.executable, "-c", AS_NOBODY, str(running.path), request("node/status").hex())
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
        assert done.stdout == "b''\n"
        assert (running.server.counts.refused_user, running.server.counts.served) == (1, 0)
        await still_serves(running)
    [told] = [record for record in caplog.records if "foreign user" in record.message]
    assert told.uid == NOBODY  # type: ignore[attr-defined]  # set by `extra`


async def test_no_more_than_so_many_at_once(path: Path) -> None:
    async with control(path, limits=ControlLimits(max_connections=2)) as running:

        def crowd(sock: socket.socket) -> list[bytes]:
            with socket.socket(socket.AF_UNIX) as second, socket.socket(socket.AF_UNIX) as third:
                second.connect(str(path))
                third.connect(str(path))
                return [read_all(third)]

        assert await running.raw(crowd) == [b""]
        assert running.server.counts.refused_full == 1
        await eventually(lambda: running.server.snapshot()["connections"] == 0)
        await still_serves(running)


async def test_a_client_that_says_nothing_is_closed(path: Path) -> None:
    async with control(path, limits=ControlLimits(idle_timeout=1.0)) as running:
        assert await running.raw(read_all) == b""
        await still_serves(running)


async def test_requests_share_a_stream_and_a_half_close_still_gets_its_answers(running: Control) -> None:
    def ask(sock: socket.socket) -> list[object]:
        sock.sendall(b"".join(request("node/status", None, str(number)) for number in range(50)))
        sock.shutdown(socket.SHUT_WR)
        return read_events(sock)

    answers = await running.raw(ask)
    assert sorted(int(answer["id"]) for answer in answers) == list(range(50))  # type: ignore[index]
    await still_serves(running)


DEEP = b'{"type":"call.requested","id":"1","payload":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
HOSTILE = {
    "no length": struct.pack(">I", 0),
    "a length beyond all bounds": struct.pack(">I", 2**32 - 1),
    "one byte too long": struct.pack(">I", MAX_FRAME + 1) + b"x" * 1000,
    "half a length": b"\0\0",
    "half a frame": frame(b"x" * 1000)[:500],
    "no JSON": frame(b"GET / HTTP/1.1\r\n\r\n"),
    "no text": frame(b"\xff\xfe\xfd"),
    "no envelope": frame(b"[1,2,3]"),
    "an envelope without an id": frame(b'{"type":"call.requested","payload":{}}'),
    "an id beyond all bounds": frame(b'{"type":"call.requested","id":"' + b"x" * 5000 + b'","payload":{}}'),
    "nested beyond all bounds": frame(DEEP),
    "answers that nobody asked for": frame(b'{"type":"call.responded","id":"1","payload":{"output":1}}') * 100,
    "an unknown event": frame(b'{"type":"call.whatever","id":"1","payload":null}'),
}


@pytest.mark.parametrize("sent", HOSTILE.values(), ids=HOSTILE)
async def test_hostile_bytes_end_their_own_connection_only(running: Control, sent: bytes) -> None:
    def send(sock: socket.socket) -> bytes:
        try:
            sock.sendall(sent)
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        return read_all(sock)

    assert await running.raw(send) == b""
    await still_serves(running)


async def test_random_bytes_end_their_own_connection_only(running: Control) -> None:
    dice = random.Random(4)

    def send(sock: socket.socket) -> None:
        body = bytearray(request("credentials/seal", {"plaintext": "x"}))
        for _ in range(dice.randint(1, 8)):
            body[dice.randrange(len(body))] = dice.randrange(256)
        try:
            sock.sendall(bytes(body[: dice.randint(1, len(body))]))
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        read_all(sock)

    for _ in range(200):
        await running.raw(send)
    await still_serves(running)


async def test_clients_that_go_without_their_answer_leave_nothing_behind(running: Control) -> None:
    for cut in (4, 60, None):
        for _ in range(20):
            await running.raw(lambda sock, cut=cut: sock.sendall(request("node/connections")[:cut]))  # type: ignore[misc]
    await still_serves(running)


async def test_a_reader_that_stalls_is_given_up(path: Path) -> None:
    async with control(path, call_limits=CallLimits(stall_timeout=0.2)) as running:
        running.told.live = [{"id": number, "peer": "x" * 8000} for number in range(1, 1001)]

        def stall(sock: socket.socket) -> bytes:
            sock.sendall(request("node/connections"))
            asyncio.run_coroutine_threadsafe(eventually(given_up), loop).result(30)
            return read_all(sock)

        def given_up() -> bool:
            told = running.server.snapshot()
            return (told["connections"], told["served"], told["stalled"]) == (0, 1, 1)

        loop = asyncio.get_running_loop()
        assert len(await running.raw(stall)) < 8_000_000
        await still_serves(running)


async def test_its_end_is_the_end_of_every_connection(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        async with control(path) as running:
            sock.connect(str(path))
            sock.settimeout(60)
            await eventually(lambda: running.server.snapshot()["connections"] == 1)
        assert await asyncio.to_thread(read_all, sock) == b""


async def test_tokens_and_claims_give_nobody_anything_and_take_nothing(running: Control) -> None:
    payload = b'{"operationId":"node/status","auth_token":"none","forwarded_for":{"id":"x","scopes":[],"resources":{}}}'
    event = frame(b'{"type":"call.requested","id":"1","payload":' + payload + b"}")

    def ask(sock: socket.socket) -> list[object]:
        sock.sendall(event)
        sock.shutdown(socket.SHUT_WR)
        return read_events(sock)

    [answer] = await running.raw(ask)
    assert answer["payload"] == {"output": {"connections": 5}}  # type: ignore[index]


@pytest.mark.parametrize("tail", [b'"}}', b'"', b'\xff"}}', b'\\ud800"}}', b'\x00"}}', b'"}]'])
async def test_a_broken_frame_with_a_secret_in_it_leaves_no_trace(
    running: Control, tail: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    body = b'{"type":"call.requested","id":"1","payload":{"operationId":"credentials/seal","input":"canary-11' + tail

    def send(sock: socket.socket) -> bytes:
        sock.sendall(frame(body))
        sock.shutdown(socket.SHUT_WR)
        return read_all(sock)

    assert b"canary" not in await running.raw(send)
    await still_serves(running)
    assert "canary" not in caplog.text + "".join(str(record.__dict__) for record in caplog.records)
