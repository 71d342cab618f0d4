"""Standard input and output, or any two descriptors, on one stream.

The descriptors may be pipes, files, terminals or sockets, and others may use them too, so their flags are left as they
are: threads read and write them, which may wait. One piece is in hand each way and no more: input is read no faster
than the node takes it, and the node sends no faster than output is taken.
"""

import asyncio
import contextlib
import os
import select
import socket
import stat
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from node.core.connection import CLOSE_NORMAL, BiStream
from node.core.errors import ConnectionClosed, StreamClosed, StreamError
from node.core.tasks import together

PIECE = 64 * 1024
"""Bytes that are in hand each way at most."""

LINGER = 30.0
"""Seconds for the node's side to take what was sent last."""

_NOTHING = 0
"""epoll(7) tells errors and hang-ups whatever it is asked for."""


class OutputClosed(Exception):
    """Nobody reads our output any more."""


async def bridge(stream: BiStream, source: int = 0, sink: int = 1) -> None:
    """Copy `source` to the stream and the stream to `sink` until both have ended; each end is passed on as it comes.

    It is over, too, where the node has finished its side and reads nothing more. A node that only reads no more is
    still heard to its end. Raises StreamError where the stream breaks before, OutputClosed, and OSError of the
    descriptors; the stream is reset then. Threads that wait for a descriptor are left to the end of the process.
    """
    work = (_send(stream, source), _receive(stream, sink), _until_unread(sink), stream.stopped())
    async with together(*work) as (sending, receiving, unheard, nobody):
        try:
            await _until_heard(sending, receiving, unheard)
            await _until_sent(sending, nobody)
        except BaseException:
            stream.reset()
            raise


async def _until_heard(
    sending: "asyncio.Task[None]", receiving: "asyncio.Task[None]", unheard: "asyncio.Task[None]"
) -> None:
    """Wait until nothing more comes. Input that ends before is not waited for, but one that fails is told at once."""
    waiting: set[asyncio.Task[None]] = {sending, receiving, unheard}
    while not receiving.done():
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if sending in done and isinstance(sending.exception(), OSError):
            sending.result()
        if unheard in done and not receiving.done():
            raise OutputClosed
    receiving.result()


async def _until_sent(sending: "asyncio.Task[None]", nobody: "asyncio.Task[StreamError]") -> None:
    """Wait until the input has ended, or nobody reads it any more; then raise that, where it was no end in order."""
    await asyncio.wait({sending, nobody}, return_when=asyncio.FIRST_COMPLETED)
    try:
        if sending.done():
            sending.result()
        else:
            raise nobody.result()
    except StreamError as error:
        if not _is_orderly(error):
            raise


def _is_orderly(error: StreamError) -> bool:
    """Whether the node reads no more, and no more than that; it may close the connection as soon as it has finished."""
    return isinstance(error, StreamClosed) or (isinstance(error, ConnectionClosed) and error.code == CLOSE_NORMAL)


async def _send(stream: BiStream, source: int) -> None:
    waiter = _Waiter()
    while data := await waiter.do(_read, source):
        await stream.write(data)
    stream.finish()
    with contextlib.suppress(StreamError, TimeoutError):  # whether all has come over, the node's own end will tell
        async with asyncio.timeout(LINGER):
            await stream.delivered()


async def _receive(stream: BiStream, sink: int) -> None:
    waiter = _Waiter()
    while data := await stream.read(PIECE):
        await waiter.do(_write, sink, data)
    _end(sink)


async def _until_unread(sink: int) -> None:
    """Wait until nobody can read the output, though there may be nothing to write. A file is always read.

    Not by a thread that polls: it would hold the output open beyond its end.
    """
    unread = asyncio.Event()
    loop = asyncio.get_running_loop()
    with select.epoll() as watch:
        with contextlib.suppress(PermissionError):  # of files, which are never watched
            watch.register(sink, _NOTHING)
        loop.add_reader(watch.fileno(), unread.set)
        try:
            await unread.wait()
        finally:
            loop.remove_reader(watch.fileno())


class _Waiter:
    """A thread for calls that may wait, one after the other."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._calls: SimpleQueue[tuple[asyncio.Future[Any], Callable[..., Any], tuple[Any, ...]]] = SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    async def do(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """What the call returns or raises. Nobody can end it: one that is given up is left to itself."""
        outcome: asyncio.Future[Any] = self._loop.create_future()
        self._calls.put((outcome, call, arguments))
        return await outcome

    def _run(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            while True:
                outcome, call, arguments = self._calls.get()
                try:
                    result = call(*arguments)
                except (OSError, OutputClosed) as error:
                    self._loop.call_soon_threadsafe(_settle, outcome, outcome.set_exception, error)
                else:
                    self._loop.call_soon_threadsafe(_settle, outcome, outcome.set_result, result)


def _settle(outcome: asyncio.Future[Any], settle: Callable[[Any], None], value: Any) -> None:
    if not outcome.done():
        settle(value)


def _read(source: int) -> bytes:
    """What there is, as soon as there is something; b"" at the end."""
    while True:
        try:
            return os.read(source, PIECE)
        except BlockingIOError:  # whoever gave us the descriptor does not want to wait on it
            _poll(source, select.POLLIN)


def _write(sink: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(sink, view) :]
        except BlockingIOError:
            _poll(sink, select.POLLOUT)
        except (BrokenPipeError, ConnectionResetError):
            raise OutputClosed from None


def _end(sink: int) -> None:
    """Let whoever reads the output come to its end, and read its input as long as it likes."""
    if stat.S_ISSOCK(os.fstat(sink).st_mode):
        with socket.socket(fileno=os.dup(sink)) as one, contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_WR)
        return
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sink)  # the number is not given to anything else, which a late word would go to
    os.close(nothing)


def _poll(descriptor: int, events: int) -> None:
    poll = select.poll()
    poll.register(descriptor, events)
    poll.poll()
