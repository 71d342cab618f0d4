"""`node.client.nc`: two descriptors on one stream in one process, and `alknet nc` as a process where that differs."""

import asyncio
import contextlib
import os
import pty
import select
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from node.cli.nc import bracketed
from node.client.nc import OutputClosed, bridge
from node.core.address import format_host_port, parse_host_port
from node.core.connection import BiStream
from node.core.errors import ConnectionClosed, StreamClosed
from node.core.socks5.wire import Login
from tests.support.nc import NcNode, nc_node
from tests.support.quic import settled, soon
from tests.support.streams import stream_pair
from tests.support.udp_proxy import udp_proxy


class Ours:
    """A bridge of a stream in memory, whose other end is `far`, to descriptors whose others are `give` and `take`."""

    def __init__(self, source: int, sink: int, give: int, take: int) -> None:
        near, self.far = stream_pair()
        self.give, self.take = give, take
        self.task = asyncio.create_task(bridge(near, source, sink))
        self._own = {source, sink, give, take}
        self._bridged = {source, sink}

    async def read(self, count: int = 65_536) -> bytes:
        await settled(lambda: select.select([self.take], [], [], 0)[0])
        return os.read(self.take, count)

    def close(self, *descriptors: int) -> None:
        """These, or all there are.

        The bridge's own numbers stay taken then: a thread of it that still waits for one would take away what the next
        test has under the same number.
        """
        for descriptor in descriptors or self._own - self._bridged:
            with contextlib.suppress(OSError):
                os.close(descriptor)
            self._own.discard(descriptor)
        if not descriptors:
            with Path(os.devnull).open("r+b", buffering=0) as nothing:
                for descriptor in self._bridged:
                    os.dup2(nothing.fileno(), descriptor, inheritable=False)


def by_pipes() -> Ours:
    (source, give), (take, sink) = os.pipe(), os.pipe()
    return Ours(source, sink, give, take)


def by_pipes_that_do_not_wait() -> Ours:
    ours = by_pipes()
    for descriptor in ours._own - {ours.give, ours.take}:
        os.set_blocking(descriptor, False)
    return ours


def by_a_socket() -> Ours:
    near, far = socket.socketpair()
    descriptor, other = near.detach(), far.detach()
    return Ours(descriptor, descriptor, other, other)


def by_two_sockets() -> Ours:
    (source, give), (take, sink) = socket.socketpair(), socket.socketpair()
    return Ours(source.detach(), sink.detach(), give.detach(), take.detach())


KINDS = [by_pipes, by_pipes_that_do_not_wait, by_a_socket, by_two_sockets]


@pytest.fixture(params=KINDS, ids=lambda make: make.__name__)
async def ours(request: pytest.FixtureRequest) -> AsyncIterator[Ours]:
    made = request.param()
    yield made
    made.task.cancel()
    await asyncio.gather(made.task, return_exceptions=True)
    made.close()


def end_input(ours: Ours) -> None:
    if ours.give == ours.take:
        with socket.socket(fileno=os.dup(ours.give)) as one:
            one.shutdown(socket.SHUT_WR)
    else:
        ours.close(ours.give)


async def test_each_end_is_passed_on_ours_first(ours: Ours) -> None:
    os.write(ours.give, b"question")
    assert await soon(ours.far.read()) == b"question"
    end_input(ours)
    assert await soon(ours.far.read()) == b""
    assert not ours.task.done()
    await ours.far.write_last(b"answer")
    assert (await ours.read(), await ours.read()) == (b"answer", b"")
    await soon(ours.task)


async def test_each_end_is_passed_on_theirs_first(ours: Ours) -> None:
    await ours.far.write_last(b"over")
    assert (await ours.read(), await ours.read()) == (b"over", b"")
    assert not ours.task.done()
    os.write(ours.give, b"still here")
    assert await soon(ours.far.read()) == b"still here"
    end_input(ours)
    assert await soon(ours.far.read()) == b""
    await soon(ours.task)


async def test_it_is_over_when_the_node_has_ended_and_reads_nothing_more(ours: Ours) -> None:
    await ours.far.write_last(b"bye")
    ours.far.stop_reading()
    assert (await ours.read(), await ours.read()) == (b"bye", b"")
    await soon(ours.task)


async def test_a_node_that_stops_reading_in_the_midst_of_our_input_is_heard_to_its_end() -> None:
    ours = by_pipes()
    for _ in range(3):
        os.write(ours.give, bytes(65_536))  # as much as a pipe holds
        await soon(ours.far.read())
    os.write(ours.give, b"more")
    ours.far.stop_reading()
    os.write(ours.give, b"and more")
    await asyncio.sleep(0.05)  # a write of ours has failed by now
    assert not ours.task.done()
    await ours.far.write_last(b"bye")
    assert (await ours.read(), await ours.read()) == (b"bye", b"")
    await soon(ours.task)
    ours.close()


@pytest.mark.parametrize(("end", "in_order"), [(ConnectionClosed(0), True), (ConnectionClosed(0x41), False)])
async def test_a_connection_that_ends_with_input_left_is_an_end_only_where_the_node_closed_it_in_order(
    end: ConnectionClosed, in_order: bool
) -> None:
    ours = by_pipes()
    await ours.far.write_last(b"bye")
    assert (await ours.read(), await ours.read()) == (b"bye", b"")
    ours.far.fail(end)
    ended = await soon(asyncio.gather(ours.task, return_exceptions=True))
    assert ended == [None if in_order else end]
    ours.close()


async def test_input_that_cannot_be_read_ends_it_at_once() -> None:
    near, far = stream_pair()
    take, sink = os.pipe()
    with pytest.raises(OSError, match="Bad file descriptor"):
        await soon(bridge(near, sink, sink))
    await assert_reset(far)
    os.close(take)
    os.close(sink)


async def test_a_reset_ends_it(ours: Ours) -> None:
    ours.far.reset(9)
    with pytest.raises(StreamClosed):
        await soon(ours.task)


async def test_an_output_that_nobody_reads_ends_it_though_there_is_nothing_to_write(ours: Ours) -> None:
    ours.close(ours.take)
    ours.close(ours.give) if ours.give != ours.take else None
    with pytest.raises(OutputClosed):
        await soon(ours.task)
    await assert_reset(ours.far)


async def assert_reset(far: BiStream) -> None:
    """By the node's own reads, and not merely by its end."""
    assert isinstance(await soon(far.broken()), StreamClosed)


async def test_input_is_not_read_ahead_without_bound() -> None:
    ours = by_pipes()
    os.set_blocking(ours.give, False)
    written, full = 0, 0
    while full < 20:
        try:
            written += os.write(ours.give, bytes(65_536))
            full = 0
        except BlockingIOError:
            full += 1
            await asyncio.sleep(0.005)
    assert written < 600_000, "a pipe, a piece in hand, and what the stream in memory holds"
    ours.task.cancel()
    await asyncio.gather(ours.task, return_exceptions=True)
    ours.close()


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[NcNode]:
    async with nc_node(tmp_path) as made:
        yield made


async def test_the_exit_status_tells_how_it_ended(node: NcNode) -> None:
    """Each case is a process; they run side by side."""
    wrong = "ed25519:" + "ab" * 32
    cases = {
        ("answer",): 0,
        ("unknown",): 5,
        ("refuse",): 6,
        ("reset",): 7,
        ("answer", "--pin", wrong, "--anonymous"): 4,
        ("answer", "--identity", "/nonexistent"): 2,
    }

    async def run(*case: str) -> int | None:
        process = await node.nc(*case)
        out, err = await process.communicate(b"abc")
        if case == ("answer",):
            assert (out, err) == (b"3\n" + bytes(3_000_000), b"")
        else:
            assert err.startswith(b"alknet: "), err
        return process.returncode

    closed = await node.nc("echo", shell='exec "$@" <&-')
    assert await soon(closed.communicate()) == (b"", b"alknet: standard input or output is closed\n")
    assert dict(zip(cases, await asyncio.gather(*(run(*case) for case in cases)), strict=True)) == cases


async def test_a_terminal_a_file_and_a_closed_output(node: NcNode, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.write_bytes(bytes(range(256)) * 2000)
    with given.open("rb") as source, (tmp_path / "got").open("wb") as sink:
        from_file = await node.nc("echo", stdin=source, stdout=sink)
    near, far = pty.openpty()
    on_terminal = await node.nc("end_first", stdin=far, stdout=far)
    os.close(far)
    unread = await node.nc("flood")
    unread.stdin.write(b"!")
    assert await unread.stdout.read(1) == b"\0"
    unread.stdout._transport.close()
    assert await from_file.wait() == 0
    assert (tmp_path / "got").read_bytes() == given.read_bytes()
    assert await unread.wait() == 141
    await settled(lambda: "gone" in node.handlers["flood"].seen)
    os.write(near, b"one line\n\x04")
    assert await on_terminal.wait() == 0
    os.close(near)
    assert node.handlers["end_first"].seen == [b"one line\n", b""]


async def test_a_hang_up_resets_the_stream_at_once_unless_it_is_to_be_ignored(node: NcNode) -> None:
    process, ignoring = await node.nc("echo"), await node.nc("echo", shell='trap "" HUP; exec "$@"')
    for one in (process, ignoring):
        one.stdin.write(b"here")
        assert await one.stdout.read(4) == b"here"
        one.send_signal(signal.SIGHUP)
    assert await process.wait() == 128 + signal.SIGHUP
    await settled(lambda: node.handlers["echo"].seen)
    assert await soon(ignoring.communicate(b"still")) == (b"still", b"")
    assert ignoring.returncode == 0


async def test_the_node_sends_no_faster_than_output_is_taken(node: NcNode) -> None:
    process = await node.nc("flood")
    process.stdin.write(b"!")
    assert await process.stdout.read(1) == b"\0"
    seen, before = node.handlers["flood"].seen, -1
    process.stdout._transport.pause_reading()
    while len(seen) != before:
        before = len(seen)
        await asyncio.sleep(0.2)
    assert sum(seen) < 16 * 1024 * 1024
    process.kill()
    process.stdout._transport.close()  # asyncio waits for the end of what it reads, too
    await process.wait()


def test_an_address_as_openssh_joins_it_is_one() -> None:
    joined = {"fd00::1:4433": "[fd00::1]:4433", "[fd00::1]:4433": "[fd00::1]:4433", "box:22": "box:22", "box": "box"}
    assert {text: bracketed(text) for text in joined} == joined


async def test_it_goes_through_a_proxy_with_its_login_from_a_file(node: NcNode, tmp_path: Path) -> None:
    (tmp_path / "login").touch(0o600)
    (tmp_path / "login").write_text("ann:se:cret\n")
    async with udp_proxy(Login(b"ann", b"se:cret")) as far:
        way = ("--proxy", f"socks5://{format_host_port(far.proxy.address)}", "--proxy-login", str(tmp_path / "login"))
        nc = await node.nc("echo", "--anonymous", *way)
        out, err = await soon(nc.communicate(b"through"))
        assert (nc.returncode, out, err) == (0, b"through", b"")
        assert far.asked == {parse_host_port(node.address)}
