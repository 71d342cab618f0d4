"""Dialling a node by the address that people write."""

from node.client.proxied import dial_proxied
from node.client.socks5.associate import Proxy
from node.core.address import parse_host_port
from node.core.connection import Connection
from node.quic.client.dial import dial_quic
from node.quic.limits import QuicLimits
from node.quic.tls.keys import NodeKey

DEFAULT_PORT = 4433
PINNED_NAME = "alknet"
"""The server name sent to a pinned node, which ignores it."""


async def dial(
    address: str,
    alpn: bytes,
    *,
    key: NodeKey | None = None,
    pin: str | None = None,
    timeout: float = 10.0,
    limits: QuicLimits | None = None,
    proxy: Proxy | None = None,
) -> Connection:
    """Connect to the node at `address`: HOST, HOST:PORT, [IPv6] or [IPv6]:PORT. `timeout` is in seconds.

    With a `pin` the node must hold exactly that key. Without one it needs a certificate that a CA signed for the host
    in `address`. With a `proxy` everything goes through it, the name of the host too, and nothing without it; then also
    ProxyError is raised. Raises AddressFormatError and what `node.quic.client.dial.dial_quic` raises.
    """
    host, port = parse_host_port(address, DEFAULT_PORT)
    server_name = host if pin is None else PINNED_NAME
    if proxy is not None:
        return await dial_proxied(
            proxy,
            (host, port),
            alpn=alpn,
            key=key,
            pin=pin,
            server_name=server_name,
            timeout=timeout,
            limits=limits,
        )
    return await dial_quic(
        host, port, alpn=alpn, key=key, pin=pin, server_name=server_name, timeout=timeout, limits=limits
    )
