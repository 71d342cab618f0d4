"""The client of the control socket against nodes that are absent, hostile, slow, or restarted."""

import asyncio
import contextlib
import json
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from node import local_socket
from node.control.client import MAX_ANSWER, ControlClient, ControlRefused, NodeUnreachable
from node.control.limits import MAX_FRAME, ControlLimits
from tests.support.control import BLOB, control, frame

CANARY = "canary-52c1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "node.sock"


@contextlib.contextmanager
def false_node(path: Path, behave: Callable[[socket.socket], None]) -> Iterator[None]:
    """A listener that answers each client with `behave`."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        over = threading.Event()

        def serve() -> None:
            while True:
                sock, _ = listening.accept()
                with sock, contextlib.suppress(OSError):
                    if over.is_set():
                        return
                    behave(sock)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            over.set()
            with socket.socket(socket.AF_UNIX) as last:
                last.connect(str(path))
            thread.join()


def fails(path: Path, timeout: float = 5.0, value: object = None) -> str:
    with ControlClient(path, timeout) as client, pytest.raises(NodeUnreachable) as caught:
        client.call("node/status", value)
    return str(caught.value)


def test_a_node_that_does_not_run_is_told(path: Path) -> None:
    assert fails(path) == "the node does not run: alknet up starts it"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert fails(path) == "the node does not run: alknet up starts it"
    assert "does not run" in fails(path.joinpath("below"))
    path.unlink()
    path.mkdir()
    assert str(path) in fails(path) or "does not run" in fails(path)


def question_of(sock: socket.socket) -> str:
    """The id of the request that comes."""
    (length,) = struct.unpack(">I", sock.recv(4, socket.MSG_WAITALL))
    event = json.loads(sock.recv(length, socket.MSG_WAITALL))
    return str(event["id"])


def answer(request_id: str, kind: str = "call.responded", payload: object = None) -> bytes:
    return frame(json.dumps({"type": kind, "id": request_id, "payload": payload}).encode())


ANSWERS: dict[str, tuple[Callable[[str], bytes], str]] = {
    "nothing": (lambda _: b"", "closed the connection"),
    "half a frame": (lambda _: frame(b"x" * 100)[:50], "closed the connection"),
    "no length": (lambda _: struct.pack(">I", 0), "0 bytes"),
    "too long": (lambda _: struct.pack(">I", MAX_ANSWER + 1), f"{MAX_ANSWER} are read"),
    "no JSON": (lambda _: frame(b"hello"), "cannot be read"),
    "no text": (lambda _: frame(b"\xff" * 9), "cannot be read"),
    "no envelope": (lambda _: frame(b"{}"), "cannot be read"),
    "no error": (lambda one: answer(one, "call.error", {"code": 7}), "cannot be read"),
    "an abort": (lambda one: answer(one, "call.aborted"), "cannot be read"),
    "answers to others only": (lambda _: answer("another") * 3, "closed the connection"),
}


@pytest.mark.parametrize(("given", "told"), ANSWERS.values(), ids=ANSWERS)
def test_a_hostile_answer_is_an_error_with_a_name(path: Path, given: Callable[[str], bytes], told: str) -> None:
    def behave(sock: socket.socket) -> None:
        sock.sendall(given(question_of(sock)))

    with false_node(path, behave):
        assert told in fails(path, value={"plaintext": CANARY})


def test_an_answer_to_another_question_is_passed_over(path: Path) -> None:
    def behave(sock: socket.socket) -> None:
        one = question_of(sock)
        sock.sendall(answer("another", payload={"output": 1}) + answer(one, payload={"output": 2}))

    with false_node(path, behave), ControlClient(path) as client:
        assert client.call("node/status") == 2


@pytest.mark.parametrize("trickle", [b"", b"\0"])
def test_a_node_that_hangs_is_waited_for_so_long_and_no_longer(path: Path, trickle: bytes) -> None:
    over = threading.Event()

    def behave(sock: socket.socket) -> None:
        question_of(sock)
        with contextlib.suppress(OSError):
            sock.sendall(struct.pack(">I", 1000))
            while not over.wait(0.05):
                sock.sendall(trickle)

    with false_node(path, behave):
        try:
            assert fails(path, timeout=0.5) == "the node did not answer within 0.5 s"
        finally:
            over.set()


def test_a_node_that_does_not_read_is_given_up(path: Path) -> None:
    over = threading.Event()
    with false_node(path, lambda _: over.wait(20)):
        try:
            assert "within 0.5 s" in fails(path, timeout=0.5, value="x" * 8_000_000)
        finally:
            over.set()


def test_a_socket_of_another_user_is_shown_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    received: list[bytes] = []
    monkeypatch.setattr(local_socket, "peer_uid", lambda _: 4711)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with false_node(path, lambda sock: received.append(sock.recv(1))):
        assert "belongs to another user" in fails(path, value={"plaintext": CANARY})
    assert not any(received)


@pytest.mark.parametrize("value", [{"plaintext": "\ud800" + CANARY}, {"plaintext": object()}, float, {1j: CANARY}])
def test_what_is_no_json_is_refused_before_it_is_sent(path: Path, value: object) -> None:
    with ControlClient(path) as client, pytest.raises(ControlRefused) as caught:
        client.call("credentials/seal", value)
    assert caught.value.code == "INVALID_INPUT"
    assert CANARY not in f"{caught.value!r} {caught.value.__cause__!r}"


async def test_it_outlives_a_restart_of_the_node_and_an_idle_close(path: Path) -> None:
    client = ControlClient(path)

    def call() -> object:
        return client.call("node/status")

    async with control(path, limits=ControlLimits(idle_timeout=1.0)) as running:
        assert await asyncio.to_thread(call) == {"connections": 5}
        while running.server.snapshot()["connections"]:
            await asyncio.sleep(0.01)
        assert await asyncio.to_thread(call) == {"connections": 5}
    with pytest.raises(NodeUnreachable):
        await asyncio.to_thread(call)
    async with control(path):
        assert await asyncio.to_thread(call) == {"connections": 5}
        client.close()
        client.close()


async def test_what_is_too_long_for_the_node_is_an_error_that_does_not_repeat_it(path: Path) -> None:
    async with control(path) as running:
        with pytest.raises((NodeUnreachable, ControlRefused)) as caught:
            await running.call("credentials/seal", {"plaintext": CANARY * (MAX_FRAME // 4)})
        assert CANARY not in repr(caught.value)
        assert await running.call("credentials/seal", {"plaintext": CANARY}) == BLOB


def test_one_client_asks_many_times_on_one_connection(path: Path) -> None:
    clients = []

    def behave(sock: socket.socket) -> None:
        clients.append(sock)
        with contextlib.suppress(struct.error):
            while True:
                sock.sendall(answer(question_of(sock), payload={"output": len(clients)}))

    with false_node(path, behave), ControlClient(path) as client:
        assert [client.call("node/status") for _ in range(3)] == [1, 1, 1]
