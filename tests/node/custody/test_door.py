"""The door: what it answers, what it refuses, and whom."""

import asyncio
import json
import os
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node import local_socket
from node.custody import door as module
from node.custody.door import MAX_REQUEST, MAX_VISITORS, open_door
from node.custody.door_client import NodeUnreachable, ask_door
from node.custody.keeper import VaultKeeper
from node.local_socket import SocketTaken, connect
from node.vault import SecretString
from tests.support.custody import PASSPHRASE, by_passphrase, contents, custody_at


@pytest.fixture
def keeper(data: Path) -> VaultKeeper:
    custody = custody_at(data)
    custody.make(contents(), by_passphrase(), shown=True)
    keeper = VaultKeeper(custody)
    keeper.open_by_key()
    return keeper


@pytest.fixture
async def path(keeper: VaultKeeper, data: Path) -> AsyncIterator[Path]:
    path = custody_at(data).paths.vault_door
    async with open_door(path, keeper):
        yield path
    assert not path.exists()


async def raw(path: Path, request: bytes) -> dict[str, Any] | None:
    """What the door answers to these bytes; None where it hangs up."""

    def ask() -> bytes:
        with connect(path, 20) as sock:
            try:
                sock.sendall(request)
                sock.shutdown(socket.SHUT_WR)
                return sock.makefile("rb").readline()
            except (BrokenPipeError, ConnectionResetError):
                return b""

    answer = await asyncio.to_thread(ask)
    return json.loads(answer) if answer else None


async def test_it_is_this_users_alone(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_unlock_lock_and_status(path: Path, keeper: VaultKeeper) -> None:
    asked = await asyncio.to_thread(ask_door, path, "status")
    assert (asked.ok, asked.state) == (True, "locked")
    assert "passphrase" in asked.reason
    asked = await asyncio.to_thread(ask_door, path, "unlock", SecretString(PASSPHRASE))
    assert (asked.ok, asked.state, keeper.state) == (True, "unlocked", "unlocked")
    asked = await asyncio.to_thread(ask_door, path, "lock")
    assert (asked.ok, asked.state, keeper.state) == (True, "locked", "locked")


async def test_a_wrong_passphrase_is_told_with_the_wait_and_without_itself(path: Path) -> None:
    request = json.dumps({"do": "unlock", "passphrase": "hunter2-hunter2"}).encode() + b"\n"
    answer = await raw(path, request)
    assert answer is not None
    assert (answer["ok"], answer["error"], answer["state"]) == (False, "wrong passphrase", "locked")
    assert answer["wait"] > 0
    again = await raw(path, request)
    assert again is not None
    assert "too soon" in again["error"]
    assert "hunter2" not in json.dumps([answer, again])


@pytest.mark.parametrize(
    "request_",
    [
        b"\n",
        b"{}\n",
        b"[]\n",
        b"7\n",
        b"\xff\xfe\n",
        b'{"do": "derive"}\n',
        b'{"do": "open", "passphrase": "canary-canary"}\n',
        b'{"do": "unlock", "passphrase": ["canary-canary"]}\n',
        b'{"do": ["unlock"]}\n',
        b"[" * 9000 + b"\n",
    ],
)
async def test_what_is_no_request_is_refused_and_not_repeated(path: Path, keeper: VaultKeeper, request_: bytes) -> None:
    answer = await raw(path, request_)
    assert answer is not None
    assert answer["ok"] is False
    assert "canary" not in json.dumps(answer)
    assert keeper.state == "locked"


@given(
    st.binary(max_size=300)
    | st.builds(
        lambda tree: json.dumps(tree).encode(),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(),
            lambda below: st.lists(below) | st.dictionaries(st.sampled_from(["do", "passphrase", "x"]), below),
        ),
    )
)
def test_whatever_comes_in_is_a_request_or_refused_in_a_sentence(line: bytes) -> None:
    try:
        action, passphrase = module._parse(line)
    except ValueError as error:
        assert str(error).startswith(("the request is n", "the passphrase is not text"))
        assert error.__cause__ is None
    else:
        assert action in ("status", "unlock", "lock")
        assert passphrase is None or isinstance(passphrase, SecretString)


@pytest.mark.parametrize("request_", [b"", b'{"do": "status"}', b"x" * (2 * MAX_REQUEST) + b"\n"])
async def test_half_a_request_and_too_long_a_one_get_no_answer(path: Path, request_: bytes) -> None:
    assert await raw(path, request_) is None


async def test_too_long_a_passphrase_is_refused_before_it_costs_anything(path: Path, keeper: VaultKeeper) -> None:
    answer = await raw(path, json.dumps({"do": "unlock", "passphrase": "x" * 2000}).encode() + b"\n")
    assert answer is not None
    assert "at most 1024 characters" in answer["error"]
    assert keeper.state == "locked"


async def test_who_says_nothing_is_let_go_and_holds_up_nobody(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READ_TIMEOUT", 0.2)
    silent = [connect(path, 20) for _ in range(MAX_VISITORS)]
    refused = connect(path, 20)
    assert await asyncio.to_thread(refused.recv, 1) == b""
    for sock in silent:
        assert await asyncio.to_thread(sock.recv, 1) == b""
        sock.close()
    refused.close()
    assert (await asyncio.to_thread(ask_door, path, "status")).ok


async def test_a_node_that_has_no_time_is_not_said_to_be_down(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_VISITORS", 0)
    with pytest.raises(NodeUnreachable, match="does not answer"):
        await asyncio.to_thread(ask_door, path, "status")


async def test_other_users_are_turned_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "is_trusted", lambda uid: uid != os.geteuid())
    with pytest.raises(NodeUnreachable):
        await asyncio.to_thread(ask_door, path, "status")


async def test_a_passphrase_is_told_to_no_other_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_socket, "peer_uid", lambda _: 4711)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    path = tmp_path / "vault.sock"
    with socket.socket(socket.AF_UNIX) as impostor:
        impostor.bind(str(path))
        impostor.listen()
        impostor.settimeout(60)
        asking = asyncio.create_task(asyncio.to_thread(ask_door, path, "unlock", SecretString(PASSPHRASE)))
        taken, _ = await asyncio.to_thread(impostor.accept)
        with taken:
            assert await asyncio.to_thread(taken.recv, 1) == b""
        with pytest.raises(NodeUnreachable, match="belongs to another user"):
            await asking


async def test_a_second_node_does_not_take_the_door_of_the_first(path: Path, keeper: VaultKeeper) -> None:
    with pytest.raises(SocketTaken):
        async with open_door(path, keeper):
            pass
    assert (await asyncio.to_thread(ask_door, path, "status")).ok


async def test_a_door_that_a_killed_node_left_is_taken_over(keeper: VaultKeeper, data: Path) -> None:
    path = custody_at(data).paths.vault_door
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    async with open_door(path, keeper):
        assert (await asyncio.to_thread(ask_door, path, "status")).ok


def test_where_no_node_runs_that_is_told(data: Path) -> None:
    with pytest.raises(NodeUnreachable, match="not running"):
        ask_door(custody_at(data).paths.vault_door, "status")


@pytest.mark.parametrize("answer", [b"", b"nonsense\n", b"[]\n", b"x" * 20_000, b'{"ok": 1, "wait": "long"}\n'])
def test_what_is_no_answer_is_no_success(tmp_path: Path, answer: bytes) -> None:
    import threading

    path = tmp_path / "door"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            sock, _ = listener.accept()
            with sock:
                sock.recv(1000)
                sock.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            assert not ask_door(path, "unlock").ok
        except NodeUnreachable:
            pass
        thread.join()
