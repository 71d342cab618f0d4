"""Dialling a node through a SOCKS5 proxy: the node sees the proxy's address, and the name is resolved there."""

import asyncio

from node.client.socks5.associate import Association, Proxy, ProxyError, associate
from node.client.socks5.envelope import SocksEnvelope
from node.core.connection import Connection
from node.core.identity import Address
from node.core.tasks import TaskSet
from node.quic.client.dial import dial_relayed
from node.quic.limits import QuicLimits
from node.quic.tls.keys import NodeKey
from node.quic.udp.socket import Target, resolve

LINGER = 2.0
"""Seconds for which the association outlives the connection: the proxy drops what it has not sent on by its end, and
the node would wait for our last word until its idle time-out."""
LAST_WORD = 0.2
"""The same at the end of the process, which waits for it."""

_held = TaskSet()


async def dial_proxied(
    proxy: Proxy,
    address: Address,
    *,
    alpn: bytes,
    key: NodeKey | None,
    pin: str | None,
    server_name: str,
    timeout: float,
    limits: QuicLimits | None,
) -> Connection:
    """As `dial_quic`, by way of `proxy`. Raises ProxyError besides.

    The proxy's connection is held as long as the QUIC connection lasts; where it ends, so does that.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    try:
        envelope = SocksEnvelope(*address)
    except (ValueError, OverflowError):
        raise ProxyError("the node's host is no address, and no name that can be sent to a proxy") from None
    association = await associate(proxy, timeout)
    try:
        relay = await _relay(association, deadline)
        connection = await dial_relayed(
            relay,
            envelope,
            alpn=alpn,
            key=key,
            pin=pin,
            server_name=server_name,
            timeout=deadline - loop.time(),
            limits=limits,
        )
    except BaseException:
        association.close()
        raise
    _held.spawn(_tie(association, connection), "association of a SOCKS5 proxy")
    return connection


async def _relay(association: Association, deadline: float) -> Target:
    """Where datagrams go: the first address that the proxy's word stands for."""
    try:
        async with asyncio.timeout_at(deadline):
            return (await resolve(*association.relay))[0]
    except OSError:
        raise ProxyError("the proxy names a host for datagrams that cannot be found") from None


async def _tie(association: Association, connection: Connection) -> None:
    """End each with the other."""
    gone = asyncio.ensure_future(association.wait_closed())
    closed = asyncio.ensure_future(connection.wait_closed())
    try:
        await asyncio.wait((gone, closed), return_when=asyncio.FIRST_COMPLETED)
        if not gone.done():
            await asyncio.wait((gone,), timeout=LINGER)
    except asyncio.CancelledError:
        await asyncio.sleep(LAST_WORD)
        raise
    finally:
        gone.cancel()
        closed.cancel()
        association.close()
        connection.close()
