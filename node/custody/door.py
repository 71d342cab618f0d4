"""The door: a Unix socket by which this user unlocks and locks the vault of the running node.

A protocol of its own, and a small one: one line of JSON comes in, one goes out, and the connection ends. It is no part
of the call protocol, so that no operation by which a vault is opened exists where a peer could ask for it.

  {"do": "status"}                          {"do": "unlock", "passphrase": "…"}      {"do": "lock"}
  {"ok": true, "state": "locked", …}        {"ok": false, "error": "wrong passphrase", "wait": 2.0, "state": "locked"}
"""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from node.core.tasks import TaskSet
from node.custody.errors import CustodyError
from node.custody.keeper import VaultKeeper
from node.local_socket import LocalSocket, is_trusted, peer_uid
from node.vault import SecretString, VaultError

MAX_REQUEST = 16 * 1024
"""Longest request, in bytes: a passphrase of the longest kind, however JSON spells it."""

MAX_VISITORS = 8
"""Connections at a time; more are closed at once."""

READ_TIMEOUT = 10.0
"""Seconds in which a request has to be here, and its answer be taken."""

logger = logging.getLogger(__name__)


@asynccontextmanager
async def open_door(path: Path, keeper: VaultKeeper) -> AsyncIterator[None]:
    """Answer at `path` for as long as the block lasts. Raises OSError where it cannot be listened there."""
    listener = LocalSocket.listen(path)
    visitors = TaskSet()
    accepting = asyncio.create_task(_accept(listener.sock, keeper, visitors), name="door")
    try:
        yield
    finally:
        accepting.cancel()
        with suppress(asyncio.CancelledError):
            await accepting
        await visitors.cancel()
        listener.close()


async def _accept(listener: socket.socket, keeper: VaultKeeper, visitors: TaskSet) -> None:
    loop = asyncio.get_running_loop()
    while True:
        try:
            sock, _ = await loop.sock_accept(listener)
        except OSError as error:
            # Descriptors run out under a flood of connections elsewhere; the door is there again afterwards.
            logger.warning("the vault's door cannot take a connection", extra={"error": error.strerror})
            await asyncio.sleep(1)
            continue
        if len(visitors) >= MAX_VISITORS or not is_trusted(peer_uid(sock)):
            sock.close()
            continue
        visitors.spawn(_serve(sock, keeper), "door visitor")


async def _serve(sock: socket.socket, keeper: VaultKeeper) -> None:
    """One request and its answer."""
    reader, writer = await asyncio.open_connection(sock=sock, limit=MAX_REQUEST)
    try:
        async with asyncio.timeout(READ_TIMEOUT):
            line = await reader.readuntil(b"\n")
        answer = await _answer(line, keeper)
        async with asyncio.timeout(READ_TIMEOUT):
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
    except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _answer(line: bytes, keeper: VaultKeeper) -> dict[str, Any]:
    try:
        action, passphrase = _parse(line)
    except ValueError as error:
        return _refusal(str(error), keeper)
    try:
        if action == "unlock":
            await keeper.unlock(passphrase)
        elif action == "lock":
            await keeper.lock()
    except (CustodyError, VaultError) as error:
        return _refusal(str(error), keeper)
    finally:
        if passphrase is not None:
            passphrase.wipe()
    return {"ok": True, **_state(keeper)}


def _parse(line: bytes) -> tuple[str, SecretString | None]:
    """What is asked for, and the passphrase. Raises ValueError, whose text repeats nothing of the request."""
    try:
        request: Any = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("the request is not JSON") from None
    if not isinstance(request, dict) or request.get("do") not in ("status", "unlock", "lock"):
        raise ValueError("the request is none of status, unlock and lock")
    passphrase = request.get("passphrase")
    if passphrase is not None and not isinstance(passphrase, str):
        raise ValueError("the passphrase is not text")
    return request["do"], None if passphrase is None else SecretString(passphrase)


def _refusal(error: str, keeper: VaultKeeper) -> dict[str, Any]:
    return {"ok": False, "error": error, **_state(keeper)}


def _state(keeper: VaultKeeper) -> dict[str, Any]:
    return {"state": keeper.state, "reason": keeper.reason, "wait": keeper.retry_after()}
