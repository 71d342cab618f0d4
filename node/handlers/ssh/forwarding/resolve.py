"""Looking up the addresses of a host, in threads of its own: a name server that is silent holds up nothing else."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

from node.core.forwarding.target import MAX_ADDRESSES, Target, read_address

THREADS = 64
"""Names that are looked up at a time, in all."""
AT_ONCE = 4
"""Names that are looked up for one peer at a time; more wait for their turn."""


@dataclass(frozen=True, slots=True)
class SocketAddress:
    """What a socket connects to, and `text`, which is the same address as the rules compare it."""

    family: int
    address: Any
    text: str


class Resolver:
    """Of one node."""

    def __init__(self) -> None:
        self._threads = asyncio.Semaphore(THREADS)
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def addresses(self, target: Target, peer_id: str, timeout: float) -> tuple[SocketAddress, ...]:
        """All of the host's, without looking up what is one. Raises OSError, which TimeoutError is."""
        literal = target.literal
        if literal is not None:
            return (_of(str(literal), target.port),)
        async with asyncio.timeout(timeout):
            found = await self._look_up(target, peer_id)
        distinct = {one.text: one for one in _taken(found, target.port)}
        if not distinct or len(distinct) > MAX_ADDRESSES:
            raise OSError("no address, or too many")
        return tuple(distinct.values())

    async def _look_up(self, target: Target, peer_id: str) -> list[Any]:
        turns = self._turns.setdefault(peer_id, asyncio.Semaphore(AT_ONCE))
        await turns.acquire()
        try:
            await self._threads.acquire()
        except BaseException:
            turns.release()
            raise
        looking = _in_thread(target.host, target.port)
        looking.add_done_callback(lambda done: self._turn_over(turns, done))
        return await asyncio.shield(looking)

    def _turn_over(self, turns: asyncio.Semaphore, done: "asyncio.Future[Any]") -> None:
        """Only now: whoever has waited in vain still holds up a thread."""
        turns.release()
        self._threads.release()
        done.exception()  # nobody may be left to hear of it


def _in_thread(host: str, port: int) -> "asyncio.Future[list[Any]]":
    """Look it up in a thread that holds up no end of the process, however long a name server is silent."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[Any]] = loop.create_future()

    def work() -> None:
        try:
            settle = partial(answer.set_result, _look_up(host, port))
        except Exception as error:  # noqa: BLE001 - all of it is for whoever asked
            settle = partial(answer.set_exception, error)
        with contextlib.suppress(RuntimeError):  # there is no loop any more
            loop.call_soon_threadsafe(settle)

    try:
        threading.Thread(target=work, name="ssh-lookup", daemon=True).start()
    except RuntimeError:  # the system has no thread to give
        answer.set_exception(OSError("no thread for a lookup"))
    return answer


def _look_up(host: str, port: int) -> list[Any]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)


def _taken(found: Iterable[Any], port: int) -> Iterable[SocketAddress]:
    for family, _, _, _, address in found:
        plain = read_address(str(address[0]))
        if family == socket.AF_INET6 and plain is not None and plain.version == 6:
            yield SocketAddress(family, address, str(plain))
        elif plain is not None:
            yield _of(str(plain), port)


def _of(address: str, port: int) -> SocketAddress:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return SocketAddress(family, (address, port), address)
