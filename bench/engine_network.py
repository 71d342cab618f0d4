"""The paths of the engine bench: the loopback as it is, and one that takes 1 500 bytes as Ethernet does.

The second is the loopback of a network namespace made for the run. A process that does nothing holds it, and ends when
its standard input does: with the bench, however that ends.
"""

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

MTU = 1_500
_HOLD = f"ip link set lo mtu {MTU} up && echo ready && exec cat"
_START_S = 10.0


class NoNamespaceError(RuntimeError):
    """This system, or this user, can make no network namespace."""


@dataclass(frozen=True, slots=True)
class Network:
    name: str
    enter: tuple[str, ...] = ()
    """What to put before a command so that it runs there."""


LOOPBACK = Network("loopback")


@contextlib.asynccontextmanager
async def ethernet() -> AsyncIterator[Network]:
    """A path of 1 500 bytes, gone with the block. Raises NoNamespaceError."""
    holder, enter = await _hold()
    try:
        yield Network(str(MTU), enter)
    finally:
        with contextlib.suppress(ProcessLookupError):
            holder.kill()
        await holder.wait()


async def _hold() -> tuple[Process, tuple[str, ...]]:
    if sys.platform != "linux":
        raise NoNamespaceError("network namespaces are of Linux only")
    failures = []
    if os.geteuid() == 0:
        try:
            holder = await _start(("unshare", "--net"))
            return holder, ("nsenter", f"--net=/proc/{holder.pid}/ns/net", "--")
        except NoNamespaceError as error:
            failures.append(str(error))
    try:
        holder = await _start(("unshare", "--user", "--map-root-user", "--net"))
    except NoNamespaceError as error:
        raise NoNamespaceError("; ".join(dict.fromkeys([*failures, str(error)]))) from None
    target = f"--target={holder.pid}"
    return holder, ("nsenter", target, "--user", "--net", "--preserve-credentials", "--")


async def _start(unshare: Sequence[str]) -> Process:
    """The process that holds a new namespace, once its loopback is up. Raises NoNamespaceError."""
    try:
        holder = await asyncio.create_subprocess_exec(
            *unshare, "--", "sh", "-c", _HOLD, stdin=PIPE, stdout=PIPE, stderr=PIPE
        )
    except FileNotFoundError as error:
        raise NoNamespaceError(f"{error.filename} is not installed") from None
    assert holder.stdout is not None
    assert holder.stderr is not None
    async with asyncio.timeout(_START_S):
        if await holder.stdout.readline() == b"ready\n":
            return holder
        complaint = await holder.stderr.read()
        await holder.wait()
    raise NoNamespaceError(complaint.decode(errors="replace").strip() or "unshare failed")
