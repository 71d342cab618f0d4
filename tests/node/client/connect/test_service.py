"""Ports of this machine and of the node that outlive the connection between the two."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from node.client.backoff import Backoff
from node.client.connect.forwards import Forward
from node.client.connect.link import SshLink
from node.client.connect.service import ConnectService, Wanted
from node.client.connect.sign_in import SignInRefused, SshFailed
from node.client.connect.tunnel import Tunnel
from node.client.local_port import PortUnavailable
from node.core.address import parse_host_port
from node.core.errors import ConnectError, HandshakeError, PinMismatch
from node.core.identity import Address
from tests.support.far_ssh import FarSsh, far_ssh
from tests.support.openers import echoing
from tests.support.quic import settled, soon

ANY = ("127.0.0.1", 0)


class Running:
    """A service that runs, and what it told."""

    def __init__(self, wanted: Wanted, dial: Any) -> None:
        self.told: list[str] = []
        self.service = ConnectService(wanted, dial, self.told.append)
        self.service._tunnel._backoff = Backoff(0.01, 0.05)

    def address(self, said: str) -> Address:
        """Where it listens by the last line that begins so."""
        return parse_host_port(next(line for line in reversed(self.told) if line.startswith(said)).split()[-1])


@contextlib.asynccontextmanager
async def running(wanted: Wanted, dial: Any) -> AsyncIterator[Running]:
    one = Running(wanted, dial)
    await one.service.start()
    task = asyncio.create_task(one.service.run())
    try:
        yield one
    finally:
        await one.service.close()
        task.cancel()
        await asyncio.wait((task,))


async def echoed(address: Address, data: bytes) -> bytes:
    """What comes back; nothing where the connection breaks."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(data)
        writer.write_eof()
        return await soon(reader.read(-1))
    except ConnectionError:
        return b""
    finally:
        writer.transport.abort()


async def test_ports_here_are_there_before_the_connection_and_after_its_loss() -> None:
    async with far_ssh() as far, echoing() as to:
        let = asyncio.Event()

        async def dial() -> SshLink:
            await let.wait()
            return await far.link()

        async with running(Wanted(forwards=[Forward(ANY, to)]), dial) as one:
            address = one.address("forwarding on")
            early = asyncio.create_task(echoed(address, b"early"))
            let.set()
            assert await soon(early) == b"early"
            for _ in range(3):
                far.cut()
                assert await echoed(address, b"again") == b"again"
        assert [line for line in one.told if "lost" in line] == ["connection lost: cut"] * 3
        assert not any(str(to[1]) in line for line in one.told)


async def test_ports_on_the_node_are_asked_for_again_with_each_connection_and_while_refused() -> None:
    async with far_ssh() as far, echoing() as to:
        far.listens = False
        async with running(leading_here(to), far.link) as one:
            await settled(lambda: any("does not listen" in line for line in one.told))
            far.listens = True
            await settled(lambda: any("the node listens" in line for line in one.told))
            assert await echoed(one.address("the node listens on"), b"in") == b"in"
            far.cut()
            await settled(lambda: sum("the node listens" in line for line in one.told) == 2)
            assert await echoed(one.address("the node listens on"), b"again") == b"again"


def leading_here(to: Address) -> Wanted:
    return Wanted(remote_forwards=[Forward(ANY, to)])


async def test_a_port_on_the_node_that_leads_to_no_host_costs_its_connections_alone() -> None:
    async with far_ssh() as far, running(leading_here(("a..b", 80)), far.link) as one:
        await settled(lambda: any("the node listens" in line for line in one.told))
        for _ in range(2):
            assert await echoed(one.address("the node listens on"), b"") == b""
        assert not any("lost" in line for line in one.told)


async def test_nothing_comes_from_the_node_any_more_once_it_stops() -> None:
    async with far_ssh() as far, echoing() as to, running(leading_here(to), far.link) as one:
        await settled(lambda: any("the node listens" in line for line in one.told))
        assert await one.service.drain(0)
        assert await echoed(one.address("the node listens on"), b"in") == b""


async def test_what_is_under_way_ends_by_itself_when_it_stops() -> None:
    async with far_ssh() as far, echoing() as to, running(Wanted(forwards=[Forward(ANY, to)]), far.link) as one:
        address = one.address("forwarding on")
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"one")
        assert await soon(reader.readexactly(3)) == b"one"
        assert not await one.service.drain(0.05)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address)
        draining = asyncio.create_task(one.service.drain(20))
        writer.write(b"two")
        writer.write_eof()
        assert await soon(reader.read(-1)) == b"two"
        assert await soon(draining)
        writer.close()


async def test_a_port_that_is_taken_is_told_and_leaves_nothing_open() -> None:
    async with echoing() as taken:
        one = Running(Wanted(socks5=ANY, forwards=[Forward(taken, taken)]), None)
        with pytest.raises(PortUnavailable, match="in use"):
            await one.service.start()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*one.address("SOCKS5 on"))


async def test_a_port_of_what_is_no_host_is_told() -> None:
    with pytest.raises(PortUnavailable, match="no name of a host"):
        await Running(Wanted(socks5=("a..b", 0)), None).service.start()


@pytest.mark.parametrize("error", [SignInRefused("no"), HandshakeError("no", 0x178), PinMismatch("a", "b")])
async def test_what_no_repetition_mends_is_raised_at_first(error: Exception) -> None:
    async def dial() -> Any:
        raise error

    with pytest.raises(type(error)):
        await soon(Tunnel(dial, lambda _: None).run(never))


@pytest.mark.parametrize(
    "error", [SignInRefused("no"), HandshakeError("no", 0x178), SshFailed("no"), ConnectError("no")]
)
async def test_what_may_pass_is_tried_again(error: Exception) -> None:
    """Of a node that took us before: it may be in the midst of a change."""
    dialled: list[FarSsh] = []
    async with far_ssh() as far:

        async def dial() -> Any:
            dialled.append(far)
            if len(dialled) in (2, 3):
                raise error
            return await far.link()

        tunnel = Tunnel(dial, lambda _: None, Backoff(0.01, 0.05))
        task = asyncio.create_task(tunnel.run(never))
        await settled(lambda: tunnel._link is not None)
        far.cut()
        await settled(lambda: len(dialled) == 4 and tunnel._link is not None)
        task.cancel()
        await asyncio.wait((task,))


async def test_who_waits_since_before_is_not_kept_waiting_for_the_whole_delay() -> None:
    """And once nobody waits any more, the delays are whole again."""
    dialled: list[FarSsh] = []
    async with far_ssh() as far, echoing() as to:

        async def dial() -> Any:
            dialled.append(far)
            if len(dialled) < 3:
                raise ConnectError("no")
            return await far.link()

        tunnel = Tunnel(dial, lambda _: None, Backoff(0.01, 3600.0, 3600.0))
        task = asyncio.create_task(tunnel.run(never))
        stream = await soon(tunnel.open(*to))
        stream.reset()
        assert not tunnel._wanted.is_set()
        task.cancel()
        await asyncio.wait((task,))


async def never(_link: SshLink) -> None:
    """Nothing runs beside."""
